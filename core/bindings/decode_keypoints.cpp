#include "framecast/decode_keypoints.h"

#include "recycled.h"
#include "tensor.h"

namespace framecast::bindings {
namespace {

nb::tuple decode_keypoints_numpy(const TensorInput<4>& heatmaps, Input<float, 2> boxes, ThreadPool* pool) {
  require(heatmaps.shape(0) == boxes.shape(0), "heatmaps: must be [boxes, keypoints, height, width]");
  const KeypointHeadOutputs outputs{heatmaps.tensor(), rows<Box>(boxes, "boxes: must be [K, 4]"), heatmaps.shape(1),
                                    heatmaps.shape(2), heatmaps.shape(3)};
  auto result = Recycled<Keypoints>::take();
  {
    nb::gil_scoped_release release;
    thread_local KeypointWorkspace workspace;
    decode_keypoints(outputs, *result, workspace, pool);
  }
  Keypoints& found = *result;
  const nb::capsule owner = Recycled<Keypoints>::release(std::move(result));
  auto* const points = reinterpret_cast<float*>(found.points.data());
  const std::size_t instances = outputs.boxes.size(), keypoints = outputs.keypoints;
  return nb::make_tuple(nb::ndarray<nb::numpy, float, nb::ndim<3>>(points, {instances, keypoints, 2}, owner),
                        nb::ndarray<nb::numpy, float, nb::ndim<2>>(found.scores.data(), {instances, keypoints}, owner));
}

}  // namespace

void bind_decode_keypoints(nb::module_& module) {
  module.def("decode_keypoints", decode_keypoints_numpy, nb::arg("heatmaps").noconvert(), nb::arg("boxes").noconvert(),
             nb::kw_only(), nb::arg("pool") = nb::none(),
             "Finds each keypoint of an R-CNN head where its heat map is highest; see the stub for shapes.");
}

}  // namespace framecast::bindings
