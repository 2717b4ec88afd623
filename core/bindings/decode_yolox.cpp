#include "framecast/decode_yolox.h"

#include <nanobind/stl/pair.h>

#include "class_filter.h"

namespace framecast::bindings {
namespace {

nb::tuple decode_yolox_numpy(Input<float, 3> output, Input<std::int32_t, 1> strides,
                             std::pair<std::int64_t, std::int64_t> input_size, Input<float, 1> score_thresholds,
                             const ClassFilter& class_filter, bool multi_label) {
  require(output.shape(2) > 5, "output: must be [batch, positions, 5 + classes]");
  require(input_size.first > 0 && input_size.second > 0, "input_size: must be positive");
  const std::size_t batch = output.shape(0);
  const std::size_t classes = output.shape(2) - 5;
  const YoloxHead head{span(output),
                       span(strides),
                       batch,
                       output.shape(1),
                       classes,
                       static_cast<std::size_t>(input_size.first),
                       static_cast<std::size_t>(input_size.second)};
  const ClassSelection selection{span(score_thresholds), filter_span(class_filter, batch, classes), multi_label};
  Candidates out;
  {
    nb::gil_scoped_release release;
    decode_yolox(head, selection, out);
  }
  return nb::make_tuple(to_numpy(std::move(out.boxes)), to_numpy(std::move(out.scores)),
                        to_numpy(std::move(out.classes)), to_numpy(std::move(out.splits)));
}

}  // namespace

void bind_decode_yolox(nb::module_& module) {
  module.def("decode_yolox", decode_yolox_numpy, nb::arg("output").noconvert(), nb::kw_only(),
             nb::arg("strides").noconvert(), nb::arg("input_size"), nb::arg("score_thresholds").noconvert(),
             nb::arg("class_filter").noconvert().none(), nb::arg("multi_label"),
             "Decodes the boxes of a YOLOX head whose score passes; see the stub for shapes.");
}

}  // namespace framecast::bindings
