#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "framecast/point.h"

namespace framecast {

/// Memory of `simplify_ring` and `simplify_rings`, reused across calls; one per thread.
struct SimplifyWorkspace {
  std::vector<double> x, y;  ///< The ring's coordinates, twice.
  std::vector<std::uint8_t> keep;
  std::vector<std::pair<std::size_t, std::size_t>> stack;
};

/// Appends to `out` the points of a closed ring that Ramer-Douglas-Peucker keeps, in their order.
///
/// No point of the ring, nor of its edges, lies farther than `epsilon` pixels from the result; at least 3 points
/// stay. Epsilon 0, and a ring of 3 points or fewer, returns the ring as it is. The ring is cut at two far points: p,
/// the farthest from point 0, and q, the farthest from p. Each chain between kept points is split at its farthest
/// point (ties: the lowest index) until none is farther than epsilon from the chain's segment.
/// Bounded: no recursion, and once the work exceeds n * (32 + 8 log2 n) distances, the chains left are split at their
/// middle instead, so the whole is O(n log n). Splitting elsewhere keeps a few more points and the same guarantee;
/// no ring of 80 points or fewer can reach the limit.
void simplify_ring(std::span<const Point> ring, double epsilon, SimplifyWorkspace& workspace, std::vector<Point>& out);

/// `simplify_ring` for each of R rings; ring r owns points ring_splits[r] to ring_splits[r + 1].
///
/// epsilons is [R], pixels, finite and at least 0. `out_points` and `out_splits` are replaced. Each ring is treated
/// alone: it may come to cross itself or another (`masks_to_polygons` checks for that).
/// Throws std::invalid_argument, naming the argument; points must be finite.
void simplify_rings(std::span<const Point> points, std::span<const std::int64_t> ring_splits,
                    std::span<const float> epsilons, std::vector<Point>& out_points,
                    std::vector<std::int64_t>& out_splits, SimplifyWorkspace& workspace);

}  // namespace framecast
