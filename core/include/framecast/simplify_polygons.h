#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "framecast/point.h"
#include "framecast/thread_pool.h"

namespace framecast {

class PolygonRefiner;

/// Memory of `simplify_polygons`, reused across calls; one per caller.
struct SimplifyPolygonsWorkspace {
  SimplifyPolygonsWorkspace();
  ~SimplifyPolygonsWorkspace();
  SimplifyPolygonsWorkspace(SimplifyPolygonsWorkspace&&) noexcept;
  SimplifyPolygonsWorkspace& operator=(SimplifyPolygonsWorkspace&&) noexcept;

  std::vector<PolygonRefiner> threads;
  std::vector<std::uint8_t> refused;  ///< Per polygon: whether it has a point that is not finite.
  std::vector<Point> room;
};

/// `simplify_rings` for P polygons whose rings must stay simple, apart and nested as they are.
///
/// Polygon p owns rings polygon_splits[p] to polygon_splits[p + 1], the exteriors and holes of its parts in any order;
/// ring r owns points ring_splits[r] to ring_splits[r + 1], any finite coordinates; epsilons is [R], pixels.
/// No point of a ring, nor of its edges, lies farther than its epsilon from the result. Where all rings of a polygon
/// are simple and meet each other in vertices of both at most, without passing through, that holds for the result as
/// well: a ring keeps more points where it must. No ring turns the other way round, and each lies in those that it lay
/// in. All of it is decided exactly. Where a polygon is not like that, edges of the result may meet only where both
/// are edges of the input. Points equal to the one before them (the last one of a closed ring, too) are left out; a
/// ring of 3 points or fewer stays as it is. Rings of different polygons may come to cross.
/// Bounded: a polygon whose checks take more than a million and 1024 per point looks at edges is returned whole.
/// `out_points` and `out_splits` ([R + 1]) are replaced. Polygons are shared among the threads of `pool`.
/// Throws std::invalid_argument, naming the argument; points must be finite and fewer than 2^30.
void simplify_polygons(std::span<const Point> points, std::span<const std::int64_t> ring_splits,
                       std::span<const std::int64_t> polygon_splits, std::span<const float> epsilons,
                       std::vector<Point>& out_points, std::vector<std::int64_t>& out_splits,
                       SimplifyPolygonsWorkspace& workspace, ThreadPool* pool = nullptr);

}  // namespace framecast
