#include "append_polygons.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>

namespace framecast {
namespace {

/// Below this no corner of an outline of pixel edges can go: the sides of a corner are at least 1 long, and no line
/// comes nearer than sqrt(2) / 4 to the corner and to both points one pixel from it.
constexpr double kSmallestEpsilon = 0.35;
/// So many rounds halve the epsilon of rings that disturb each other; as many more leave such rings whole.
constexpr int kHalvingRounds = 12;

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

/// Which ring lies directly around which before simplification; what simplification must not change.
void find_original_parents(OutlineScratch& scratch) {
  const TracedRings& traced = scratch.traced;
  const std::size_t rings = ring_count(traced.ring_splits);
  const std::size_t parts = ring_count(traced.part_splits);
  scratch.parents.assign(rings, -1);
  if (parts > 1 && rings > parts) {  // A part may lie in the hole of another.
    scratch.topology.load(traced.points, traced.ring_splits);
    scratch.topology.find_parents(scratch.parents);
    return;
  }
  for (std::size_t p = 0; p < parts; ++p) {
    for (std::int64_t r = traced.part_splits[p] + 1; r < traced.part_splits[p + 1]; ++r) {
      scratch.parents[static_cast<std::size_t>(r)] = static_cast<std::int32_t>(traced.part_splits[p]);
    }
  }
}

/// Marks in `scratch.bad` the rings that make the simplified family invalid; false if there is none.
bool find_bad_rings(OutlineScratch& scratch) {
  const std::size_t rings = ring_count(scratch.ring_splits);
  scratch.bad.assign(rings, 0);
  scratch.topology.load(scratch.points, scratch.ring_splits);
  scratch.topology.mark_conflicts(scratch.bad);
  for (std::size_t p = 0; p + 1 < scratch.traced.part_splits.size(); ++p) {
    const auto exterior = static_cast<std::size_t>(scratch.traced.part_splits[p]);
    for (std::size_t r = exterior; r < static_cast<std::size_t>(scratch.traced.part_splits[p + 1]); ++r) {
      if ((scratch.topology.doubled_area(r) > 0) != (r == exterior)) scratch.bad[r] = 1;
    }
  }
  auto any = [&scratch] { return std::find(scratch.bad.begin(), scratch.bad.end(), 1) != scratch.bad.end(); };
  if (any()) return true;
  if (rings == 1) return false;
  scratch.found_parents.resize(rings);
  scratch.topology.find_parents(scratch.found_parents);
  for (std::size_t r = 0; r < rings; ++r) {
    if (scratch.found_parents[r] == scratch.parents[r]) continue;
    scratch.bad[r] = 1;
    if (scratch.parents[r] >= 0) scratch.bad[static_cast<std::size_t>(scratch.parents[r])] = 1;
    if (scratch.found_parents[r] >= 0) scratch.bad[static_cast<std::size_t>(scratch.found_parents[r])] = 1;
  }
  return any();
}

/// Fills scratch.points and scratch.ring_splits with the rings, simplified as far as they stay valid.
void simplify(float rdp_threshold, OutlineScratch& scratch) {
  const TracedRings& traced = scratch.traced;
  const std::size_t rings = ring_count(traced.ring_splits);
  scratch.epsilons.resize(rings);
  for (std::size_t r = 0; r < rings; ++r) {
    scratch.epsilons[r] = static_cast<double>(rdp_threshold) * perimeter(ring_points(traced, r));
  }
  bool parents_known = false;
  for (int round = 0; round < 2 * kHalvingRounds; ++round) {
    bool simplified = false;
    scratch.points.clear();
    scratch.ring_splits.assign(1, 0);
    for (std::size_t r = 0; r < rings; ++r) {
      const bool worth_it = scratch.epsilons[r] >= kSmallestEpsilon;
      simplify_ring(ring_points(traced, r), worth_it ? scratch.epsilons[r] : 0, scratch.simplify, scratch.points);
      scratch.ring_splits.push_back(static_cast<std::int64_t>(scratch.points.size()));
      simplified |= worth_it;
    }
    if (!simplified) return;
    if (!parents_known) find_original_parents(scratch);
    parents_known = true;
    if (!find_bad_rings(scratch)) return;
    for (std::size_t r = 0; r < rings; ++r) {
      if (scratch.bad[r]) scratch.epsilons[r] = round < kHalvingRounds ? scratch.epsilons[r] / 2 : 0;
    }
  }
  scratch.points = traced.points;
  scratch.ring_splits = traced.ring_splits;
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
