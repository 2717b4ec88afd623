#include "framecast/decode_retinanet.h"

#include <nanobind/stl/array.h>

#include "candidates.h"
#include "class_filter.h"
#include "tensor.h"

namespace framecast::bindings {
namespace {

nb::tuple decode_retinanet_numpy(const TensorInput<3>& class_logits, const TensorInput<3>& deltas,
                                 Input<float, 2> anchors, Input<std::int64_t, 1> level_sizes,
                                 Input<float, 2> image_sizes, Input<float, 1> score_thresholds,
                                 const ClassFilter& class_filter, std::int64_t top_k, std::array<float, 4> box_weights,
                                 ThreadPool* pool) {
  require(class_logits.shape(0) == image_sizes.shape(0) && class_logits.shape(1) == anchors.shape(0),
          "class_logits: must be [images, anchors, classes]");
  require(class_logits.shape(2) > 0, "class_logits: must have at least one class");
  require(deltas.shape(0) == image_sizes.shape(0) && deltas.shape(1) == anchors.shape(0) && deltas.shape(2) == 4,
          "deltas: must be [images, anchors, 4]");
  const std::size_t classes = class_logits.shape(2);
  const AnchorHeadOutputs outputs{class_logits.tensor(), deltas.tensor(), rows<Box>(anchors, "anchors: must be [N, 4]"),
                                  rows<ImageSize>(image_sizes, "image_sizes: must be [B, 2]"), classes};
  const AnchorHeadSettings settings{span(score_thresholds), filter_span(class_filter, image_sizes.shape(0), classes),
                                    top_k};
  auto result = Recycled<Candidates>::take();
  {
    nb::gil_scoped_release release;
    thread_local DecodeWorkspace workspace;
    decode_retinanet(outputs, span(level_sizes), settings, box_weights, *result, workspace, pool);
  }
  return to_tuple(std::move(result), WithSources::yes);
}

}  // namespace

void bind_decode_retinanet(nb::module_& module) {
  module.def("decode_retinanet", decode_retinanet_numpy, nb::arg("class_logits").noconvert(),
             nb::arg("deltas").noconvert(), nb::arg("anchors").noconvert(), nb::arg("level_sizes").noconvert(),
             nb::arg("image_sizes").noconvert(), nb::kw_only(), nb::arg("score_thresholds").noconvert(),
             nb::arg("class_filter").noconvert().none(), nb::arg("top_k"), nb::arg("box_weights"),
             nb::arg("pool") = nb::none(),
             "Decodes the boxes of a RetinaNet head as torchvision does; see the stub for shapes.");
}

}  // namespace framecast::bindings
