#include "framecast/nms.h"

#include <nanobind/stl/optional.h>

#include <algorithm>
#include <optional>

#include "arrays.h"
#include "class_filter.h"
#include "flags.h"
#include "recycled.h"

namespace framecast::bindings {
namespace {

struct Kept {
  std::vector<std::int64_t> keep;
  std::vector<std::int64_t> splits;
};

using Limits = std::optional<Input<std::int32_t, 1>>;
using ClassThresholds = std::optional<Input<float, 2>>;

/// The rest is checked by the kernel, which does not see shapes.
NmsSettings settings_of(std::size_t batch, const Input<float, 1>& iou_thresholds,
                        const Input<float, 1>& score_thresholds, const Input<std::int32_t, 1>& max_detections,
                        const Flags& class_agnostic, const ClassThresholds& class_score_thresholds,
                        const ClassFilter& class_filter, const Limits& max_candidates, const Limits& max_per_class) {
  NmsSettings settings{span(iou_thresholds), span(score_thresholds), span(max_detections),
                       flag_span(class_agnostic, "class_agnostic: must be bool or uint8")};
  if (class_score_thresholds) {
    settings.class_score_thresholds = span(*class_score_thresholds);
    settings.class_count = class_score_thresholds->shape(1);
    require(class_score_thresholds->shape(0) == batch,
            "class_score_thresholds: must have one row per image, one column per class");
  } else if (class_filter) {
    settings.class_count = class_filter->shape(1);
  }
  settings.class_filter = filter_span(class_filter, batch, settings.class_count);
  // For the kernel an empty table is none.
  if (class_score_thresholds || class_filter) {
    require(settings.class_count > 0, "class_filter: must have a column at least, as must class_score_thresholds");
  }
  if (max_candidates) settings.max_candidates = span(*max_candidates);
  if (max_per_class) settings.max_per_class = span(*max_per_class);
  return settings;
}

nb::tuple nms_numpy(const Input<float, 2>& boxes, const Input<float, 1>& scores, const Input<std::int32_t, 1>& classes,
                    const Input<std::int64_t, 1>& splits, const Input<float, 1>& iou_thresholds,
                    const Input<float, 1>& score_thresholds, const Input<std::int32_t, 1>& max_detections,
                    const Flags& class_agnostic, const ClassThresholds& class_score_thresholds,
                    const ClassFilter& class_filter, const Limits& max_candidates, const Limits& max_per_class,
                    ThreadPool* pool) {
  const NmsBatch batch{rows<Box>(boxes, "boxes: must be [N, 4]"), span(scores), span(classes), span(splits)};
  const std::size_t images = splits.size() == 0 ? 0 : splits.size() - 1;
  const NmsSettings settings = settings_of(images, iou_thresholds, score_thresholds, max_detections, class_agnostic,
                                           class_score_thresholds, class_filter, max_candidates, max_per_class);
  auto result = Recycled<Kept>::take();
  {
    nb::gil_scoped_release release;
    thread_local NmsWorkspace workspace;
    // Few rows stay, so the room for all is kept here and they are copied.
    thread_local std::vector<std::int64_t> room;
    room.resize(std::max(room.size(), batch.boxes.size()));
    result->splits.resize(batch.splits.size());
    const std::size_t kept = nms(batch, settings, room, result->splits, workspace, pool);
    result->keep.assign(room.begin(), room.begin() + static_cast<std::ptrdiff_t>(kept));
  }
  Kept& kept = *result;
  const nb::capsule owner = Recycled<Kept>::release(std::move(result));
  return nb::make_tuple(view(kept.keep, owner), view(kept.splits, owner));
}

}  // namespace

void bind_nms(nb::module_& module) {
  module.def("nms", nms_numpy, nb::arg("boxes").noconvert(), nb::arg("scores").noconvert(),
             nb::arg("classes").noconvert(), nb::arg("splits").noconvert(), nb::kw_only(),
             nb::arg("iou_thresholds").noconvert(), nb::arg("score_thresholds").noconvert(),
             nb::arg("max_detections").noconvert(), nb::arg("class_agnostic").noconvert(),
             nb::arg("class_score_thresholds").noconvert() = nb::none(),
             nb::arg("class_filter").noconvert() = nb::none(), nb::arg("max_candidates").noconvert() = nb::none(),
             nb::arg("max_per_class").noconvert() = nb::none(), nb::arg("pool") = nb::none(),
             "Greedy non-maximum suppression per class over a batch of images; see the stub for shapes.");
}

}  // namespace framecast::bindings
