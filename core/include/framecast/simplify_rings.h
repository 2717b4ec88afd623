#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "framecast/point.h"
#include "framecast/thread_pool.h"

namespace framecast {

class ChainSplitter;

/// Memory of `simplify_ring` and `simplify_rings`, reused across calls; one per caller.
struct SimplifyWorkspace {
  SimplifyWorkspace();
  ~SimplifyWorkspace();
  SimplifyWorkspace(SimplifyWorkspace&&) noexcept;
  SimplifyWorkspace& operator=(SimplifyWorkspace&&) noexcept;

  std::vector<ChainSplitter> threads;
  std::vector<std::size_t> chunks;    ///< Where each task's rings begin.
  std::vector<std::size_t> kept;      ///< Per task: how many points stay.
  std::vector<std::uint8_t> refused;  ///< Per task: whether it met a point that is not finite.
  std::vector<Point> room;
};

/// Appends to `out` the points of a closed ring that Ramer-Douglas-Peucker keeps, in their order.
///
/// No point of the ring, nor of its edges, lies farther than `epsilon` pixels from the result; at least 3 points
/// stay. Epsilon 0, and a ring of 3 points or fewer, returns the ring as it is, and so does an epsilon below 1e-15 of
/// the ring's size, where double could no longer tell. The ring is cut at two far points: p, the farthest from point
/// 0, and q, the farthest from p. Each chain between kept points is split where it is farthest from the line through
/// its ends, until that is within epsilon; then, where a point lies farther than epsilon from the chord itself because
/// it is before or behind it, at the farthest such (ties: the lowest index).
/// Chains are split level by level, without recursion: a level costs n distances at most. After 32 + 8 log2 n levels
/// the chains left are split at their middle, so the whole is O(n log n) in time and O(n) in memory. Splitting
/// elsewhere keeps a few more points and the same guarantee; no ring of 80 points or fewer can get there.
/// Points must be finite.
void simplify_ring(std::span<const Point> ring, double epsilon, SimplifyWorkspace& workspace, std::vector<Point>& out);

/// `simplify_ring` for each of R rings; ring r owns points ring_splits[r] to ring_splits[r + 1].
///
/// epsilons is [R], pixels, finite and at least 0. `out_points` and `out_splits` are replaced. Each ring is treated
/// alone: it may come to cross itself or another (`simplify_polygons` sees to that).
/// Rings are shared among the threads of `pool`, where there is one.
/// Throws std::invalid_argument, naming the argument; points must be finite and fewer than 2^30.
void simplify_rings(std::span<const Point> points, std::span<const std::int64_t> ring_splits,
                    std::span<const float> epsilons, std::vector<Point>& out_points,
                    std::vector<std::int64_t>& out_splits, SimplifyWorkspace& workspace, ThreadPool* pool = nullptr);

}  // namespace framecast
