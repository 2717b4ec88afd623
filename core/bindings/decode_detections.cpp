#include "framecast/decode_detections.h"

#include "candidates.h"
#include "class_filter.h"
#include "tensor.h"

namespace framecast::bindings {
namespace {

nb::tuple decode_detections_numpy(const TensorInput<3>& output, Input<float, 1> score_thresholds,
                                  const ClassFilter& class_filter, bool multi_label, bool objectness,
                                  bool channels_first, std::optional<std::int64_t> classes, ThreadPool* pool) {
  const std::size_t channels = output.shape(channels_first ? 1 : 2);
  const std::size_t others = objectness ? 5 : 4;
  require(channels > others, "output: must have x, y, width, height, the objectness if any, and all classes");
  require(!classes || *classes > 0, "classes: must be at least 1");
  const std::size_t class_count = classes ? static_cast<std::size_t>(*classes) : channels - others;
  const std::size_t batch = output.shape(0);
  const DetectionHead head{output.tensor(), batch,         output.shape(channels_first ? 2 : 1), channels, class_count,
                           objectness,      channels_first};
  const ClassSelection selection{span(score_thresholds), filter_span(class_filter, batch, class_count), multi_label};
  auto result = Recycled<Candidates>::take();
  {
    nb::gil_scoped_release release;
    thread_local DecodeWorkspace workspace;
    decode_detections(head, selection, *result, workspace, pool);
  }
  return to_tuple(std::move(result), WithSources::yes);
}

}  // namespace

void bind_decode_detections(nb::module_& module) {
  module.def("decode_detections", decode_detections_numpy, nb::arg("output").noconvert(), nb::kw_only(),
             nb::arg("score_thresholds").noconvert(), nb::arg("class_filter").noconvert().none(),
             nb::arg("multi_label"), nb::arg("objectness"), nb::arg("channels_first"), nb::arg("classes") = nb::none(),
             nb::arg("pool") = nb::none(),
             "Selects the boxes whose score passes from a graph's decoded output; see the stub for shapes.");
}

}  // namespace framecast::bindings
