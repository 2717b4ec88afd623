#include "framecast/decode_segmentation.h"

#include "class_filter.h"
#include "recycled.h"
#include "tensor.h"

namespace framecast::bindings {
namespace {

nb::tuple decode_segmentation_numpy(const TensorInput<4>& logits, Input<float, 2> regions,
                                    Input<std::int32_t, 2> image_sizes, Input<float, 1> score_thresholds,
                                    const ClassFilter& class_filter, bool background_first, ThreadPool* pool) {
  const std::size_t batch = logits.shape(0), channels = logits.shape(1);
  require(channels > static_cast<std::size_t>(background_first), "logits: must have a channel per class");
  require(regions.shape(0) == batch, "regions: must have one row per image");
  require(image_sizes.shape(1) == 2, "image_sizes: must be [B, 2]");
  const std::size_t classes = channels - background_first;
  const SegmentationOutputs outputs{logits.tensor(),
                                    channels,
                                    logits.shape(2),
                                    logits.shape(3),
                                    rows<MapRegion>(regions, "regions: must be [B, 4]"),
                                    span(image_sizes),
                                    background_first};
  const SegmentationSettings settings{span(score_thresholds), filter_span(class_filter, batch, classes)};
  auto result = Recycled<LabelRuns>::take();
  {
    nb::gil_scoped_release release;
    thread_local SegmentationWorkspace workspace;
    decode_segmentation(outputs, settings, *result, workspace, pool);
  }
  LabelRuns& found = *result;
  const nb::capsule owner = Recycled<LabelRuns>::release(std::move(result));
  return nb::make_tuple(view(found.splits, owner), view(found.lengths, owner), view(found.classes, owner),
                        nb::ndarray<nb::numpy, std::int64_t, nb::ndim<2>>(found.areas.data(), {batch, classes}, owner));
}

}  // namespace

void bind_decode_segmentation(nb::module_& module) {
  module.def("decode_segmentation", decode_segmentation_numpy, nb::arg("logits").noconvert(),
             nb::arg("regions").noconvert(), nb::arg("image_sizes").noconvert(), nb::kw_only(),
             nb::arg("score_thresholds").noconvert(), nb::arg("class_filter").none(), nb::arg("background_first"),
             nb::arg("pool") = nb::none(),
             "Gives every pixel the class whose interpolated logit is highest; see the stub for shapes.");
}

}  // namespace framecast::bindings
