#include "framecast/simplify_rings.h"

#include "arrays.h"
#include "recycled.h"

namespace framecast::bindings {
namespace {

struct Rings {
  std::vector<Point> points;
  std::vector<std::int64_t> splits;
};

nb::tuple simplify_rings_numpy(Input<float, 2> points, Input<std::int64_t, 1> ring_splits, Input<float, 1> epsilons,
                               ThreadPool* pool) {
  const auto corners = rows<Point>(points, "points: must be [V, 2]");
  auto result = Recycled<Rings>::take();
  {
    nb::gil_scoped_release release;
    thread_local SimplifyWorkspace workspace;
    simplify_rings(corners, span(ring_splits), span(epsilons), result->points, result->splits, workspace, pool);
  }
  Rings& rings = *result;
  const nb::capsule owner = Recycled<Rings>::release(std::move(result));
  return nb::make_tuple(view(rings.points, owner), view(rings.splits, owner));
}

}  // namespace

void bind_simplify_rings(nb::module_& module) {
  module.def("simplify_rings", simplify_rings_numpy, nb::arg("points").noconvert(), nb::arg("ring_splits").noconvert(),
             nb::arg("epsilons").noconvert(), nb::kw_only(), nb::arg("pool") = nb::none(),
             "Closed-ring Ramer-Douglas-Peucker; see the stub for shapes.");
}

}  // namespace framecast::bindings
