#include "framecast/soft_nms.h"

#include <nanobind/stl/optional.h>

#include <algorithm>
#include <optional>

#include "arrays.h"
#include "flags.h"
#include "recycled.h"

namespace framecast::bindings {
namespace {

struct SoftlyKept {
  std::vector<std::int64_t> keep;
  std::vector<float> scores;
  std::vector<std::int64_t> splits;
};

using OptionalFloats = std::optional<Input<float, 1>>;

nb::tuple soft_nms_numpy(Input<float, 2> boxes, Input<float, 1> scores, Input<std::int32_t, 1> classes,
                         Input<std::int64_t, 1> splits, const OptionalFloats& iou_thresholds,
                         const OptionalFloats& sigmas, Input<float, 1> score_thresholds,
                         Input<std::int32_t, 1> max_detections, Flags class_agnostic, ThreadPool* pool) {
  const NmsBatch batch{rows<Box>(boxes, "boxes: must be [N, 4]"), span(scores), span(classes), span(splits)};
  require(iou_thresholds.has_value() != sigmas.has_value(), "sigmas: give either these or iou_thresholds");
  SoftNmsSettings settings{{},
                           {},
                           span(score_thresholds),
                           span(max_detections),
                           flag_span(class_agnostic, "class_agnostic: must be bool or uint8")};
  if (iou_thresholds) settings.iou_thresholds = span(*iou_thresholds);
  if (sigmas) {
    settings.sigmas = span(*sigmas);
    require(sigmas->size() + 1 == splits.size(), "sigmas: must have one entry per image");
  }
  auto result = Recycled<SoftlyKept>::take();
  {
    nb::gil_scoped_release release;
    thread_local SoftNmsWorkspace workspace;
    // Not all rows stay, so the room for all is kept here and they are copied.
    thread_local std::vector<std::int64_t> room;
    thread_local std::vector<float> score_room;
    room.resize(std::max(room.size(), batch.boxes.size()));
    score_room.resize(room.size());
    result->splits.resize(batch.splits.size());
    const std::size_t kept = soft_nms(batch, settings, room, score_room, result->splits, workspace, pool);
    result->keep.assign(room.begin(), room.begin() + static_cast<std::ptrdiff_t>(kept));
    result->scores.assign(score_room.begin(), score_room.begin() + static_cast<std::ptrdiff_t>(kept));
  }
  SoftlyKept& kept = *result;
  const nb::capsule owner = Recycled<SoftlyKept>::release(std::move(result));
  return nb::make_tuple(view(kept.keep, owner), view(kept.scores, owner), view(kept.splits, owner));
}

}  // namespace

void bind_soft_nms(nb::module_& module) {
  module.def("soft_nms", soft_nms_numpy, nb::arg("boxes").noconvert(), nb::arg("scores").noconvert(),
             nb::arg("classes").noconvert(), nb::arg("splits").noconvert(), nb::kw_only(),
             nb::arg("iou_thresholds").noconvert() = nb::none(), nb::arg("sigmas").noconvert() = nb::none(),
             nb::arg("score_thresholds").noconvert(), nb::arg("max_detections").noconvert(),
             nb::arg("class_agnostic").noconvert(), nb::arg("pool") = nb::none(),
             "Soft non-maximum suppression per class over a batch of images; see the stub for shapes.");
}

}  // namespace framecast::bindings
