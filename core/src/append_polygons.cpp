#include "append_polygons.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>

namespace framecast {
namespace {

/// Below this no corner of an outline of pixel edges can go: the sides of a corner are at least 1 long, and no line
/// comes nearer than sqrt(2) / 4 to the corner and to both points one pixel from it.
constexpr double kSmallestEpsilon = 0.35;

std::size_t ring_count(const std::vector<std::int64_t>& splits) { return splits.size() - 1; }

std::span<const Point> ring_points(const TracedRings& traced, std::size_t ring) {
  const auto begin = static_cast<std::size_t>(traced.ring_splits[ring]);
  const auto end = static_cast<std::size_t>(traced.ring_splits[ring + 1]);
  return {traced.points.data() + begin, end - begin};
}

/// The edges of an outline are parallel to the axes.
double perimeter(std::span<const Point> ring) {
  double sum = 0;
  for (std::size_t i = 0; i < ring.size(); ++i) {
    const Point& next = ring[i + 1 < ring.size() ? i + 1 : 0];
    sum += std::fabs(static_cast<double>(next.x) - ring[i].x) + std::fabs(static_cast<double>(next.y) - ring[i].y);
  }
  return sum;
}

/// Keeps the points of the rings that epsilon = rdp_threshold * perimeter and a valid result ask for.
void simplify(float rdp_threshold, OutlineScratch& scratch) {
  const TracedRings& traced = scratch.traced;
  const std::size_t rings = ring_count(traced.ring_splits);
  scratch.epsilons.resize(rings);
  for (std::size_t r = 0; r < rings; ++r) {
    const double epsilon = static_cast<double>(rdp_threshold) * perimeter(ring_points(traced, r));
    auto rounded = static_cast<float>(epsilon);
    if (rounded > epsilon) rounded = std::nextafter(rounded, 0.0f);
    scratch.epsilons[r] = epsilon >= kSmallestEpsilon ? std::min(rounded, std::numeric_limits<float>::max()) : 0;
  }
  scratch.refiner.run(traced.points, traced.ring_splits, scratch.epsilons);
  scratch.points.resize(traced.points.size());
  scratch.ring_splits.assign(1, 0);
  std::size_t kept = 0;
  for (std::size_t r = 0; r < rings; ++r) {
    kept += scratch.refiner.write(r, scratch.points.data() + kept);
    scratch.ring_splits.push_back(static_cast<std::int64_t>(kept));
  }
  scratch.points.resize(kept);
}

void append(std::span<const Point> points, std::span<const std::int64_t> ring_splits, const TracedRings& traced,
            Polygons& out) {
  const std::int64_t first_ring = static_cast<std::int64_t>(out.ring_splits.size()) - 1;
  const auto first_point = static_cast<std::int64_t>(out.points.size());
  out.points.insert(out.points.end(), points.begin(), points.end());
  for (std::size_t r = 1; r < ring_splits.size(); ++r) out.ring_splits.push_back(first_point + ring_splits[r]);
  for (std::size_t p = 1; p < traced.part_splits.size(); ++p) {
    out.part_splits.push_back(first_ring + traced.part_splits[p]);
  }
}

}  // namespace

void append_nothing(Polygons& out) {
  out.areas.push_back(0);
  out.boxes.push_back({});
  out.instance_splits.push_back(static_cast<std::int64_t>(out.part_splits.size()) - 1);
}

void append_polygons(const MaskRuns& runs, float rdp_threshold, Polygons& out, OutlineScratch& scratch) {
  trace_rings(runs, scratch.traced, scratch.trace);
  out.areas.push_back(scratch.traced.area);
  out.boxes.push_back(scratch.traced.box);
  if (rdp_threshold > 0) {
    simplify(rdp_threshold, scratch);
    append(scratch.points, scratch.ring_splits, scratch.traced, out);
  } else {
    append(scratch.traced.points, scratch.traced.ring_splits, scratch.traced, out);
  }
  out.instance_splits.push_back(static_cast<std::int64_t>(out.part_splits.size()) - 1);
}

}  // namespace framecast
