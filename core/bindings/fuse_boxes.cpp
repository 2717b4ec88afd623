#include "framecast/fuse_boxes.h"

#include <string_view>

#include "arrays.h"
#include "recycled.h"

namespace framecast::bindings {
namespace {

FusedScore fused_score(std::string_view name) {
  if (name == "average") return FusedScore::average;
  require(name == "highest", "score: must be 'average' or 'highest'");
  return FusedScore::highest;
}

nb::tuple fuse_boxes_numpy(Input<float, 2> boxes, Input<float, 1> scores, Input<std::int32_t, 1> classes,
                           Input<std::int32_t, 1> models, Input<std::int64_t, 1> splits, Input<float, 1> model_weights,
                           Input<float, 1> iou_thresholds, Input<float, 1> score_thresholds,
                           Input<std::int32_t, 1> max_detections, const char* score, ThreadPool* pool) {
  const FusionBatch batch{rows<Box>(boxes, "boxes: must be [N, 4]"), span(scores), span(classes), span(models),
                          span(splits)};
  const FusionSettings settings{span(iou_thresholds), span(score_thresholds), span(max_detections), span(model_weights),
                                fused_score(score)};
  auto result = Recycled<Candidates>::take();
  {
    nb::gil_scoped_release release;
    thread_local FusionWorkspace workspace;
    fuse_boxes(batch, settings, *result, workspace, pool);
  }
  Candidates& fused = *result;
  const nb::capsule owner = Recycled<Candidates>::release(std::move(result));
  return nb::make_tuple(view(fused.boxes, owner), view(fused.scores, owner), view(fused.classes, owner),
                        view(fused.splits, owner));
}

}  // namespace

void bind_fuse_boxes(nb::module_& module) {
  module.def("fuse_boxes", fuse_boxes_numpy, nb::arg("boxes").noconvert(), nb::arg("scores").noconvert(),
             nb::arg("classes").noconvert(), nb::arg("models").noconvert(), nb::arg("splits").noconvert(),
             nb::kw_only(), nb::arg("model_weights").noconvert(), nb::arg("iou_thresholds").noconvert(),
             nb::arg("score_thresholds").noconvert(), nb::arg("max_detections").noconvert(),
             nb::arg("score") = "average", nb::arg("pool") = nb::none(),
             "Weighted boxes fusion of several models' detections; see the stub for shapes.");
}

}  // namespace framecast::bindings
