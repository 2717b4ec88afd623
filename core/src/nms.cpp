#include "framecast/nms.h"

#include <algorithm>
#include <limits>

#include "argument.h"
#include "finite_box.h"
#include "kernels/nms.h"

namespace framecast {
namespace {

using Entry = NmsWorkspace::Entry;

void check(const NmsBatch& batch, const NmsSettings& settings, std::span<const std::int64_t> keep,
           std::span<const std::int64_t> keep_splits) {
  const std::size_t rows = batch.boxes.size();
  require(batch.scores.size() == rows, "scores: must have one entry per box");
  require(batch.classes.size() == rows, "classes: must have one entry per box");
  require_splits(batch.splits, rows, "splits");
  const std::size_t images = batch.splits.size() - 1;
  require(settings.iou_thresholds.size() == images, "iou_thresholds: must have one entry per image");
  require(settings.score_thresholds.size() == images, "score_thresholds: must have one entry per image");
  require(settings.max_detections.size() == images, "max_detections: must have one entry per image");
  require(settings.class_agnostic.size() == images, "class_agnostic: must have one entry per image");
  for (float value : settings.iou_thresholds) require(value >= 0 && value <= 1, "iou_thresholds: must be in [0, 1]");
  require_no_nan(settings.score_thresholds, "score_thresholds: must not be NaN");
  for (auto value : settings.max_detections) require(value >= 0, "max_detections: must not be negative");
  require(keep.size() >= rows, "keep: must be at least as long as boxes");
  require(keep_splits.size() == batch.splits.size(), "keep_splits: must be as long as splits");
  for (std::size_t b = 0; b < images; ++b) {
    require(batch.splits[b + 1] - batch.splits[b] <= std::numeric_limits<std::uint32_t>::max(),
            "splits: an image must have fewer than 2^32 candidates");
  }
}

bool before(const Entry& a, const Entry& b) { return a.score > b.score || (a.score == b.score && a.index < b.index); }

/// Appends to `kept` what survives among entries of one group, at most `limit` of them.
void suppress(std::span<const Entry> group, const Box* boxes, float threshold, std::size_t limit,
              NmsWorkspace& workspace) {
  for (auto& column : workspace.columns) column.resize(std::max(column.size(), group.size()));
  auto& columns = workspace.columns;
  kernels::BoxColumns survivors{columns[0].data(), columns[1].data(), columns[2].data(),
                                columns[3].data(), columns[4].data(), 0};
  for (const Entry& entry : group) {
    if (survivors.count == limit) break;
    const Box& box = boxes[entry.index];
    const float area = (box.x2 - box.x1) * (box.y2 - box.y1);
    if (kernels::overlaps_any_scalar(survivors, box, area, threshold)) continue;
    const std::size_t at = survivors.count++;
    survivors.x1[at] = box.x1;
    survivors.y1[at] = box.y1;
    survivors.x2[at] = box.x2;
    survivors.y2[at] = box.y2;
    survivors.area[at] = area;
    workspace.kept.push_back(entry);
  }
}

}  // namespace

std::size_t nms(const NmsBatch& batch, const NmsSettings& settings, std::span<std::int64_t> keep,
                std::span<std::int64_t> keep_splits, NmsWorkspace& workspace) {
  check(batch, settings, keep, keep_splits);
  std::size_t total = 0;
  keep_splits[0] = 0;
  for (std::size_t b = 0; b + 1 < batch.splits.size(); ++b) {
    const auto first = static_cast<std::size_t>(batch.splits[b]);
    const auto count = static_cast<std::size_t>(batch.splits[b + 1]) - first;
    const Box* boxes = batch.boxes.data() + first;
    const auto limit = static_cast<std::size_t>(settings.max_detections[b]);

    auto& entries = workspace.entries;
    entries.clear();
    for (std::size_t i = 0; i < count; ++i) {
      const float score = batch.scores[first + i];
      if (!(score > settings.score_thresholds[b]) || !is_finite(boxes[i])) continue;
      const std::int32_t group = settings.class_agnostic[b] ? 0 : batch.classes[first + i];
      entries.push_back({group, static_cast<std::uint32_t>(i), score});
    }
    std::sort(entries.begin(), entries.end(),
              [](const Entry& a, const Entry& c) { return a.group != c.group ? a.group < c.group : before(a, c); });

    auto& kept = workspace.kept;
    kept.clear();
    for (std::size_t begin = 0; begin < entries.size();) {
      std::size_t end = begin + 1;
      while (end < entries.size() && entries[end].group == entries[begin].group) ++end;
      suppress({entries.data() + begin, end - begin}, boxes, settings.iou_thresholds[b], limit, workspace);
      begin = end;
    }
    std::sort(kept.begin(), kept.end(), before);
    if (kept.size() > limit) kept.resize(limit);
    for (const Entry& entry : kept) keep[total++] = static_cast<std::int64_t>(first + entry.index);
    keep_splits[b + 1] = static_cast<std::int64_t>(total);
  }
  return total;
}

}  // namespace framecast
