#include "append_polygons.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>

namespace framecast {
namespace {

/// Below this no corner of an outline of pixel edges can go: the sides of a corner are at least 1 long, and no line
/// comes nearer than sqrt(2) / 4 to the corner and to both points one pixel from it.
constexpr double kSmallestEpsilon = 0.35;

std::span<const Point> ring_points(const TracedRings& traced, std::size_t ring) {
  const auto begin = static_cast<std::size_t>(traced.ring_splits[ring]);
  const auto end = static_cast<std::size_t>(traced.ring_splits[ring + 1]);
  return {traced.points.data() + begin, end - begin};
}

/// The edges of an outline are parallel to the axes.
double perimeter(std::span<const Point> ring) {
  double sum = 0;
  for (std::size_t i = 0; i + 1 < ring.size(); ++i) {
    sum += std::fabs(static_cast<double>(ring[i + 1].x) - ring[i].x) +
           std::fabs(static_cast<double>(ring[i + 1].y) - ring[i].y);
  }
  return sum + std::fabs(static_cast<double>(ring.front().x) - ring.back().x) +
         std::fabs(static_cast<double>(ring.front().y) - ring.back().y);
}

/// In float32, and not above what it is in double; 0 where it changes nothing.
float epsilon_of(double epsilon) {
  if (epsilon < kSmallestEpsilon) return 0;
  const float rounded = static_cast<float>(std::min(epsilon, 1e30));
  return rounded > epsilon ? std::nextafter(rounded, 0.0f) : rounded;
}

/// Adds a ring that is all of a polygon, simplified on its own; false, and nothing added, if it comes to disturb
/// itself.
bool append_simple_ring(std::span<const Point> ring, float epsilon, OutlineScratch& scratch, Polygons& out) {
  const std::size_t before = out.points.size();
  simplify_ring(ring, epsilon, scratch.simplify, out.points);
  const std::int64_t splits[] = {0, static_cast<std::int64_t>(out.points.size() - before)};
  std::uint8_t bad = 0;
  scratch.topology.load({out.points.data() + before, out.points.size() - before}, splits);
  scratch.topology.mark_conflicts({&bad, 1});
  if (bad == 0 && scratch.topology.doubled_area(0) > 0) {
    out.ring_splits.push_back(static_cast<std::int64_t>(out.points.size()));
    return true;
  }
  out.points.resize(before);
  return false;
}

/// Adds the rings, simplified as far as they stay valid.
void append_rings(float rdp_threshold, OutlineScratch& scratch, Polygons& out) {
  const TracedRings& traced = scratch.traced;
  const std::size_t rings = traced.ring_splits.size() - 1;
  const std::size_t before = out.points.size();
  bool any = false;
  if (rdp_threshold > 0) {
    scratch.epsilons.resize(rings);
    for (std::size_t r = 0; r < rings; ++r) {
      scratch.epsilons[r] = epsilon_of(static_cast<double>(rdp_threshold) * perimeter(ring_points(traced, r)));
      any |= scratch.epsilons[r] > 0;
    }
  }
  if (!any) {
    out.points.insert(out.points.end(), traced.points.begin(), traced.points.end());
    for (std::size_t r = 1; r <= rings; ++r) {
      out.ring_splits.push_back(static_cast<std::int64_t>(before) + traced.ring_splits[r]);
    }
    return;
  }
  // Most masks are one ring that nothing is wrong with.
  if (rings == 1 && append_simple_ring(traced.points, scratch.epsilons[0], scratch, out)) return;
  scratch.refiner.run(traced.points, traced.ring_splits, scratch.epsilons);
  out.points.resize(before + traced.points.size());
  std::size_t end = before;
  for (std::size_t r = 0; r < rings; ++r) {
    end += scratch.refiner.write(r, out.points.data() + end);
    out.ring_splits.push_back(static_cast<std::int64_t>(end));
  }
  out.points.resize(end);
}

}  // namespace

void append_nothing(Polygons& out) {
  out.areas.push_back(0);
  out.boxes.push_back({});
  out.instance_splits.push_back(static_cast<std::int64_t>(out.part_splits.size()) - 1);
}

void append_polygons(const MaskRuns& runs, float rdp_threshold, Polygons& out, OutlineScratch& scratch) {
  const TracedRings& traced = scratch.traced;
  trace_rings(runs, scratch.traced, scratch.trace);
  out.areas.push_back(traced.area);
  out.boxes.push_back(traced.box);
  const std::int64_t first_ring = static_cast<std::int64_t>(out.ring_splits.size()) - 1;
  append_rings(rdp_threshold, scratch, out);
  for (std::size_t p = 1; p < traced.part_splits.size(); ++p) {
    out.part_splits.push_back(first_ring + traced.part_splits[p]);
  }
  out.instance_splits.push_back(static_cast<std::int64_t>(out.part_splits.size()) - 1);
}

}  // namespace framecast
