#include "framecast/simplify_rings.h"

#include "arrays.h"

namespace framecast::bindings {
namespace {

nb::tuple simplify_rings_numpy(Input<float, 2> points, Input<std::int64_t, 1> ring_splits, Input<float, 1> epsilons) {
  const auto corners = rows<Point>(points, "points: must be [V, 2]");
  std::vector<Point> out_points;
  std::vector<std::int64_t> out_splits;
  {
    nb::gil_scoped_release release;
    thread_local SimplifyWorkspace workspace;
    simplify_rings(corners, span(ring_splits), span(epsilons), out_points, out_splits, workspace);
  }
  return nb::make_tuple(to_numpy(std::move(out_points)), to_numpy(std::move(out_splits)));
}

}  // namespace

void bind_simplify_rings(nb::module_& module) {
  module.def("simplify_rings", simplify_rings_numpy, nb::arg("points").noconvert(), nb::arg("ring_splits").noconvert(),
             nb::arg("epsilons").noconvert(), "Closed-ring Ramer-Douglas-Peucker; see the stub for shapes.");
}

}  // namespace framecast::bindings
