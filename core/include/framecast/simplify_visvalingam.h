#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "framecast/point.h"
#include "framecast/thread_pool.h"

namespace framecast {

/// What simplifying one ring needs; one per thread.
struct VisvalingamScratch {
  struct Entry {
    double area;
    std::uint32_t point;
  };

  std::vector<Entry> heap;
  std::vector<std::uint32_t> places;  ///< Point → its place in the heap.
  std::vector<std::uint32_t> before;  ///< Point → the one before it that is left.
  std::vector<std::uint32_t> after;
};

/// Memory of `simplify_visvalingam`, reused across calls; one per caller.
struct VisvalingamWorkspace {
  std::vector<VisvalingamScratch> threads;
  std::vector<std::size_t> chunks;  ///< Where each task's rings begin.
  std::vector<std::size_t> kept;    ///< Per task: how many points stay.
  std::vector<Point> room;
};

/// Takes points from each of R closed rings by the area that goes with them (Visvalingam and Whyatt 1993).
///
/// Ring r owns points ring_splits[r] to ring_splits[r + 1]. min_areas is [R], square pixels, finite and at least 0.
/// max_points is [R], each at least 3 or 0 for no limit, or empty: no limits. `out_points` and `out_splits` are
/// replaced; points stay in their order.
/// A point's effective area is that of the triangle with the points left before and after it, but at least that of the
/// point that went last. The point of the least effective area (ties: the lowest index) goes while that is below
/// min_areas[r], or more than max_points[r] points are left; 3 points always stay. So areas never fall along the way,
/// and points go in one order, whatever the settings: more of it for a larger area or a lower limit.
/// Areas are computed in double: half of |(b.x - a.x) (c.y - a.y) - (b.y - a.y) (c.x - a.x)| for b between a and c.
/// A ring of 3 points or fewer, and any with min_areas[r] 0 and no limit, is returned as it is. Where all points are
/// equal or on one line, every area is 0 (but for rounding where differences of coordinates have more than 26 bits), so
/// that the last 3 stay for any min_areas[r] above it. Each ring is treated alone: it may come to cross itself or
/// another.
/// A ring of n points costs O(n log n) time and O(n) memory at worst. Rings are shared among the threads of `pool`.
/// Throws std::invalid_argument, naming the argument; points must be finite and fewer than 2^30.
void simplify_visvalingam(std::span<const Point> points, std::span<const std::int64_t> ring_splits,
                          std::span<const float> min_areas, std::span<const std::int32_t> max_points,
                          std::vector<Point>& out_points, std::vector<std::int64_t>& out_splits,
                          VisvalingamWorkspace& workspace, ThreadPool* pool = nullptr);

}  // namespace framecast
