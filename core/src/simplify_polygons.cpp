#include "framecast/simplify_polygons.h"

#include <algorithm>

#include "argument.h"
#include "polygon_refiner.h"

namespace framecast {

SimplifyPolygonsWorkspace::SimplifyPolygonsWorkspace() = default;
SimplifyPolygonsWorkspace::~SimplifyPolygonsWorkspace() = default;
SimplifyPolygonsWorkspace::SimplifyPolygonsWorkspace(SimplifyPolygonsWorkspace&&) noexcept = default;
SimplifyPolygonsWorkspace& SimplifyPolygonsWorkspace::operator=(SimplifyPolygonsWorkspace&&) noexcept = default;

void simplify_polygons(std::span<const Point> points, std::span<const std::int64_t> ring_splits,
                       std::span<const std::int64_t> polygon_splits, std::span<const float> epsilons,
                       std::vector<Point>& out_points, std::vector<std::int64_t>& out_splits,
                       SimplifyPolygonsWorkspace& workspace, ThreadPool* pool) {
  constexpr std::size_t kMostPoints = std::size_t{1} << 30;
  require_splits(ring_splits, points.size(), "ring_splits");
  require_splits(polygon_splits, ring_splits.size() - 1, "polygon_splits");
  require(epsilons.size() + 1 == ring_splits.size(), "epsilons: must have one entry per ring");
  require_lengths(epsilons, "epsilons: must be finite and not negative");
  require(points.size() < kMostPoints, "points: must be fewer than 2^30");
  const std::size_t rings = epsilons.size();
  const std::size_t polygons = polygon_splits.size() - 1;
  auto begin_of = [&](std::size_t ring) { return static_cast<std::size_t>(ring_splits[ring]); };
  auto first_ring = [&](std::size_t polygon) { return static_cast<std::size_t>(polygon_splits[polygon]); };

  if (workspace.threads.size() < thread_count(pool)) workspace.threads.resize(thread_count(pool));
  if (workspace.room.size() < points.size()) workspace.room.resize(points.size());
  workspace.refused.assign(polygons, 0);
  out_splits.resize(rings + 1);
  out_splits[0] = 0;
  // Each ring is written where its points were, and the number that it keeps behind its place.
  run(pool, polygons, [&](std::size_t polygon, std::size_t thread) {
    PolygonRefiner& refiner = workspace.threads[thread];
    const std::size_t first = first_ring(polygon), count = first_ring(polygon + 1) - first;
    const std::size_t before = begin_of(first);
    const bool is_finite = refiner.run(points.subspan(before, begin_of(first + count) - before),
                                       ring_splits.subspan(first, count + 1), epsilons.subspan(first, count));
    workspace.refused[polygon] = !is_finite;
    for (std::size_t r = 0; is_finite && r < count; ++r) {
      const std::size_t kept = refiner.write(r, workspace.room.data() + begin_of(first + r));
      out_splits[first + r + 1] = static_cast<std::int64_t>(kept);
    }
  });
  require(std::find(workspace.refused.begin(), workspace.refused.end(), 1) == workspace.refused.end(),
          "points: must be finite");
  out_points.clear();
  for (std::size_t r = 0; r < rings; ++r) {
    const Point* begin = workspace.room.data() + begin_of(r);
    out_points.insert(out_points.end(), begin, begin + out_splits[r + 1]);
    out_splits[r + 1] += out_splits[r];
  }
}

}  // namespace framecast
