#include "framecast/decode_yolov5.h"

#include <nanobind/stl/vector.h>

#include "candidates.h"
#include "class_filter.h"
#include "tensor.h"

namespace framecast::bindings {
namespace {

nb::tuple decode_yolov5_numpy(const std::vector<TensorInput<4>>& levels, Input<float, 3> anchors,
                              Input<float, 1> strides, Input<float, 1> score_thresholds,
                              const ClassFilter& class_filter, bool multi_label, ThreadPool* pool) {
  require(!levels.empty(), "levels: must not be empty");
  require(anchors.shape(0) == levels.size() && anchors.shape(1) > 0 && anchors.shape(2) == 2,
          "anchors: must be [levels, anchors, 2]");
  const std::size_t batch = levels[0].shape(0);
  const std::size_t channels = levels[0].shape(1);
  std::vector<Yolov5Level> views;
  for (const auto& level : levels) {
    require(level.shape(0) == batch && level.shape(1) == channels, "levels: must agree in batch and channels");
    views.push_back({level.tensor(), level.shape(2), level.shape(3)});
  }
  require(channels % anchors.shape(1) == 0 && channels / anchors.shape(1) > 5,
          "levels: channels must be anchors * (5 + classes)");
  const std::size_t classes = channels / anchors.shape(1) - 5;
  const Yolov5Head head{views, rows<Anchor>(anchors, "anchors: must be [levels, anchors, 2]"), span(strides), batch,
                        channels};
  const ClassSelection selection{span(score_thresholds), filter_span(class_filter, batch, classes), multi_label};
  auto result = Recycled<Candidates>::take();
  {
    nb::gil_scoped_release release;
    thread_local DecodeWorkspace workspace;
    decode_yolov5(head, selection, *result, workspace, pool);
  }
  return to_tuple(std::move(result));
}

}  // namespace

void bind_decode_yolov5(nb::module_& module) {
  module.def("decode_yolov5", decode_yolov5_numpy, nb::arg("levels").noconvert(), nb::arg("anchors").noconvert(),
             nb::arg("strides").noconvert(), nb::kw_only(), nb::arg("score_thresholds").noconvert(),
             nb::arg("class_filter").noconvert().none(), nb::arg("multi_label"), nb::arg("pool") = nb::none(),
             "Decodes the boxes of a YOLOv5 (v6) head whose score passes; see the stub for shapes.");
}

}  // namespace framecast::bindings
