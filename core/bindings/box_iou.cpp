#include "framecast/box_iou.h"

#include "arrays.h"
#include "recycled.h"

namespace framecast::bindings {
namespace {

nb::object box_iou_numpy(Input<float, 2> a, Input<float, 2> b, ThreadPool* pool) {
  const std::span<const Box> first = rows<Box>(a, "a: must be [N, 4]"), second = rows<Box>(b, "b: must be [M, 4]");
  auto result = Recycled<std::vector<float>>::take();
  {
    nb::gil_scoped_release release;
    thread_local BoxIouWorkspace workspace;
    result->resize(first.size() * second.size());
    box_iou(first, second, *result, workspace, pool);
  }
  float* values = result->data();
  const nb::capsule owner = Recycled<std::vector<float>>::release(std::move(result));
  return nb::cast(nb::ndarray<nb::numpy, float, nb::ndim<2>>(values, {first.size(), second.size()}, owner));
}

}  // namespace

void bind_box_iou(nb::module_& module) {
  module.def("box_iou", box_iou_numpy, nb::arg("a").noconvert(), nb::arg("b").noconvert(), nb::kw_only(),
             nb::arg("pool") = nb::none(), "Pairwise intersection over union of boxes; see the stub for shapes.");
}

}  // namespace framecast::bindings
