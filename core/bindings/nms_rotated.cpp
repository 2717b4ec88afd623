#include "framecast/nms_rotated.h"

#include <algorithm>

#include "arrays.h"
#include "flags.h"
#include "recycled.h"

namespace framecast::bindings {
namespace {

struct Kept {
  std::vector<std::int64_t> keep;
  std::vector<std::int64_t> splits;
};

nb::tuple nms_rotated_numpy(Input<float, 2> boxes, Input<float, 1> scores, Input<std::int32_t, 1> classes,
                            Input<std::int64_t, 1> splits, Input<float, 1> iou_thresholds,
                            Input<float, 1> score_thresholds, Input<std::int32_t, 1> max_detections,
                            Flags class_agnostic, ThreadPool* pool) {
  const RotatedNmsBatch batch{rows<RotatedBox>(boxes, "boxes: must be [N, 5]"), span(scores), span(classes),
                              span(splits)};
  const NmsSettings settings{span(iou_thresholds), span(score_thresholds), span(max_detections),
                             flag_span(class_agnostic, "class_agnostic: must be bool or uint8")};
  auto result = Recycled<Kept>::take();
  {
    nb::gil_scoped_release release;
    thread_local RotatedNmsWorkspace workspace;
    // Few rows stay, so the room for all is kept here and they are copied.
    thread_local std::vector<std::int64_t> room;
    room.resize(std::max(room.size(), batch.boxes.size()));
    result->splits.resize(batch.splits.size());
    const std::size_t kept = nms_rotated(batch, settings, room, result->splits, workspace, pool);
    result->keep.assign(room.begin(), room.begin() + static_cast<std::ptrdiff_t>(kept));
  }
  Kept& kept = *result;
  const nb::capsule owner = Recycled<Kept>::release(std::move(result));
  return nb::make_tuple(view(kept.keep, owner), view(kept.splits, owner));
}

}  // namespace

void bind_nms_rotated(nb::module_& module) {
  module.def("nms_rotated", nms_rotated_numpy, nb::arg("boxes").noconvert(), nb::arg("scores").noconvert(),
             nb::arg("classes").noconvert(), nb::arg("splits").noconvert(), nb::kw_only(),
             nb::arg("iou_thresholds").noconvert(), nb::arg("score_thresholds").noconvert(),
             nb::arg("max_detections").noconvert(), nb::arg("class_agnostic").noconvert(), nb::arg("pool") = nb::none(),
             "Greedy non-maximum suppression of rotated boxes per class; see the stub for shapes.");
}

}  // namespace framecast::bindings
