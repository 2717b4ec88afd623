#include "framecast/simplify_polygons.h"

#include "arrays.h"
#include "recycled.h"

namespace framecast::bindings {
namespace {

struct PolygonRings {
  std::vector<Point> points;
  std::vector<std::int64_t> splits;
};

nb::tuple simplify_polygons_numpy(Input<float, 2> points, Input<std::int64_t, 1> ring_splits,
                                  Input<std::int64_t, 1> polygon_splits, Input<float, 1> epsilons, ThreadPool* pool) {
  const auto corners = rows<Point>(points, "points: must be [V, 2]");
  auto result = Recycled<PolygonRings>::take();
  {
    nb::gil_scoped_release release;
    thread_local SimplifyPolygonsWorkspace workspace;
    simplify_polygons(corners, span(ring_splits), span(polygon_splits), span(epsilons), result->points, result->splits,
                      workspace, pool);
  }
  PolygonRings& rings = *result;
  const nb::capsule owner = Recycled<PolygonRings>::release(std::move(result));
  return nb::make_tuple(view(rings.points, owner), view(rings.splits, owner));
}

}  // namespace

void bind_simplify_polygons(nb::module_& module) {
  module.def("simplify_polygons", simplify_polygons_numpy, nb::arg("points").noconvert(),
             nb::arg("ring_splits").noconvert(), nb::arg("polygon_splits").noconvert(), nb::arg("epsilons").noconvert(),
             nb::kw_only(), nb::arg("pool") = nb::none(),
             "Ramer-Douglas-Peucker on polygons that stay valid; see the stub for shapes.");
}

}  // namespace framecast::bindings
