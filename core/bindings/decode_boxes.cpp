#include "framecast/decode_boxes.h"

#include <nanobind/stl/array.h>

#include "candidates.h"
#include "class_filter.h"
#include "tensor.h"

namespace framecast::bindings {
namespace {

nb::tuple decode_boxes_numpy(const TensorInput<2>& class_logits, const TensorInput<2>& deltas,
                             Input<float, 2> proposals, Input<std::int64_t, 1> splits, Input<float, 2> image_sizes,
                             Input<float, 1> score_thresholds, const ClassFilter& class_filter, float min_size,
                             std::array<float, 4> box_weights, ThreadPool* pool) {
  require(class_logits.shape(1) > 1, "class_logits: must have a background and at least one class");
  require(class_logits.shape(0) == proposals.shape(0), "class_logits: must be [proposals, classes + 1]");
  require(deltas.shape(0) == proposals.shape(0) && deltas.shape(1) == 4 * class_logits.shape(1),
          "deltas: must be [proposals, 4 * (classes + 1)]");
  require(splits.size() > 0, "splits: must not be empty");
  const std::size_t classes = class_logits.shape(1) - 1;
  const BoxHeadOutputs outputs{class_logits.tensor(),
                               deltas.tensor(),
                               rows<Box>(proposals, "proposals: must be [P, 4]"),
                               span(splits),
                               rows<ImageSize>(image_sizes, "image_sizes: must be [B, 2]"),
                               classes};
  const BoxSettings settings{span(score_thresholds), filter_span(class_filter, splits.size() - 1, classes), min_size,
                             box_weights};
  auto result = Recycled<Candidates>::take();
  {
    nb::gil_scoped_release release;
    thread_local DecodeWorkspace workspace;
    decode_boxes(outputs, settings, *result, workspace, pool);
  }
  return to_tuple(std::move(result), WithSources::yes);
}

}  // namespace

void bind_decode_boxes(nb::module_& module) {
  module.def("decode_boxes", decode_boxes_numpy, nb::arg("class_logits").noconvert(), nb::arg("deltas").noconvert(),
             nb::arg("proposals").noconvert(), nb::arg("splits").noconvert(), nb::arg("image_sizes").noconvert(),
             nb::kw_only(), nb::arg("score_thresholds").noconvert(), nb::arg("class_filter").noconvert().none(),
             nb::arg("min_size"), nb::arg("box_weights"), nb::arg("pool") = nb::none(),
             "Decodes the per-class boxes of an R-CNN head whose score passes; see the stub for shapes.");
}

}  // namespace framecast::bindings
