#include "framecast/simplify_visvalingam.h"

#include <nanobind/stl/optional.h>

#include <optional>

#include "arrays.h"
#include "recycled.h"

namespace framecast::bindings {
namespace {

struct Simplified {
  std::vector<Point> points;
  std::vector<std::int64_t> splits;
};

nb::tuple simplify_visvalingam_numpy(Input<float, 2> points, Input<std::int64_t, 1> ring_splits,
                                     Input<float, 1> min_areas, const std::optional<Input<std::int32_t, 1>>& max_points,
                                     ThreadPool* pool) {
  const auto corners = rows<Point>(points, "points: must be [V, 2]");
  std::span<const std::int32_t> limits;
  if (max_points) {
    // To the kernel an empty span means no limits, for any number of rings.
    require(max_points->size() == min_areas.size(), "max_points: must have one entry per ring");
    limits = span(*max_points);
  }
  auto result = Recycled<Simplified>::take();
  {
    nb::gil_scoped_release release;
    thread_local VisvalingamWorkspace workspace;
    simplify_visvalingam(corners, span(ring_splits), span(min_areas), limits, result->points, result->splits, workspace,
                         pool);
  }
  Simplified& rings = *result;
  const nb::capsule owner = Recycled<Simplified>::release(std::move(result));
  return nb::make_tuple(view(rings.points, owner), view(rings.splits, owner));
}

}  // namespace

void bind_simplify_visvalingam(nb::module_& module) {
  module.def("simplify_visvalingam", simplify_visvalingam_numpy, nb::arg("points").noconvert(),
             nb::arg("ring_splits").noconvert(), nb::arg("min_areas").noconvert(), nb::kw_only(),
             nb::arg("max_points").noconvert() = nb::none(), nb::arg("pool") = nb::none(),
             "Visvalingam-Whyatt on closed rings; see the stub for shapes.");
}

}  // namespace framecast::bindings
