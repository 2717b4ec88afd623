#include "framecast/decode_yolox.h"

#include <nanobind/stl/pair.h>

#include "candidates.h"
#include "class_filter.h"
#include "tensor.h"

namespace framecast::bindings {
namespace {

nb::tuple decode_yolox_numpy(const TensorInput<3>& output, Input<std::int32_t, 1> strides,
                             std::pair<std::int64_t, std::int64_t> input_size, Input<float, 1> score_thresholds,
                             const ClassFilter& class_filter, bool multi_label, ThreadPool* pool) {
  require(output.shape(2) > 5, "output: must be [batch, positions, 5 + classes]");
  require(input_size.first > 0 && input_size.second > 0, "input_size: must be positive");
  const std::size_t batch = output.shape(0);
  const std::size_t classes = output.shape(2) - 5;
  const YoloxHead head{output.tensor(),
                       span(strides),
                       batch,
                       output.shape(1),
                       classes,
                       static_cast<std::size_t>(input_size.first),
                       static_cast<std::size_t>(input_size.second)};
  const ClassSelection selection{span(score_thresholds), filter_span(class_filter, batch, classes), multi_label};
  auto result = Recycled<Candidates>::take();
  {
    nb::gil_scoped_release release;
    thread_local DecodeWorkspace workspace;
    decode_yolox(head, selection, *result, workspace, pool);
  }
  return to_tuple(std::move(result));
}

}  // namespace

void bind_decode_yolox(nb::module_& module) {
  module.def("decode_yolox", decode_yolox_numpy, nb::arg("output").noconvert(), nb::kw_only(),
             nb::arg("strides").noconvert(), nb::arg("input_size"), nb::arg("score_thresholds").noconvert(),
             nb::arg("class_filter").noconvert().none(), nb::arg("multi_label"), nb::arg("pool") = nb::none(),
             "Decodes the boxes of a YOLOX head whose score passes; see the stub for shapes.");
}

}  // namespace framecast::bindings
