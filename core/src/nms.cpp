#include "framecast/nms.h"

#include <algorithm>
#include <limits>
#include <span>
#include <vector>

#include "argument.h"
#include "finite_box.h"
#include "group_suppression.h"
#include "isa.h"
#include "kernels/nms.h"
#include "score_order.h"

namespace framecast {

/// What one thread needs for one image at a time.
struct NmsScratch {
  ScoreOrder order;
  GroupSuppression suppression;
  std::vector<std::int32_t> labels;    ///< The classes present, rising, where they lie far apart.
  std::vector<std::uint32_t> rows;     ///< What stays so far and then the next candidates, by falling score.
  std::vector<std::uint32_t> groups;   ///< Of each of them.
  std::vector<std::uint32_t> starts;   ///< Per group: where its part of the members begins.
  std::vector<std::uint32_t> members;  ///< The same rows by group.
  std::vector<std::uint8_t> stays;     ///< Per row.
};

NmsWorkspace::NmsWorkspace() = default;
NmsWorkspace::~NmsWorkspace() = default;
NmsWorkspace::NmsWorkspace(NmsWorkspace&&) noexcept = default;
NmsWorkspace& NmsWorkspace::operator=(NmsWorkspace&&) noexcept = default;

namespace {

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

/// Either table of a row per image and a column per class, or empty.
template <typename T>
void check_per_class(std::span<const T> table, std::size_t images, std::size_t class_count, const char* message) {
  if (table.empty()) return;
  require(class_count > 0 && table.size() % class_count == 0 && table.size() / class_count == images, message);
}

void check_options(const NmsBatch& batch, const NmsSettings& settings) {
  const std::size_t images = batch.splits.size() - 1;
  check_per_class(settings.class_score_thresholds, images, settings.class_count,
                  "class_score_thresholds: must have one row per image, one column per class");
  require_no_nan(settings.class_score_thresholds, "class_score_thresholds: must not be NaN");
  check_per_class(settings.class_filter, images, settings.class_count,
                  "class_filter: must have one row per image, one column per class");
  if (!settings.class_score_thresholds.empty() || !settings.class_filter.empty()) {
    bool in_range = true;
    for (std::int32_t label : batch.classes) {
      in_range &= static_cast<std::size_t>(static_cast<std::uint32_t>(label)) < settings.class_count;
    }
    require(in_range, "classes: must be columns of class_score_thresholds and class_filter");
  }
  require(settings.max_candidates.empty() || settings.max_candidates.size() == images,
          "max_candidates: must have one entry per image");
  for (auto value : settings.max_candidates) require(value >= 0, "max_candidates: must not be negative");
  require(settings.max_per_class.empty() || settings.max_per_class.size() == images,
          "max_per_class: must have one entry per image");
  for (auto value : settings.max_per_class) require(value >= 0, "max_per_class: must not be negative");
}

bool is_filtered(const NmsSettings& settings) {
  return !settings.class_score_thresholds.empty() || !settings.class_filter.empty() || !settings.max_candidates.empty();
}

/// Drops the keys of rows that their class's threshold or the filter keeps out, or that are not finite.
std::size_t filter(const NmsSettings& settings, std::size_t image, const Box* boxes, const std::int32_t* classes,
                   const float* scores, std::uint64_t* keys, std::size_t count) {
  const std::size_t first = image * settings.class_count;
  const float* floors = settings.class_score_thresholds.empty() ? nullptr : &settings.class_score_thresholds[first];
  const std::uint8_t* allowed = settings.class_filter.empty() ? nullptr : &settings.class_filter[first];
  std::size_t passing = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint32_t row = ScoreOrder::row_of(keys[i]);
    const std::int32_t label = classes[row];
    keys[passing] = keys[i];
    passing += (floors == nullptr || scores[row] > floors[label]) && (allowed == nullptr || allowed[label] != 0) &&
               is_finite(boxes[row]);
  }
  return passing;
}

/// Turns classes into numbers from 0 on, in place; returns how many there are. Lists the classes only where they lie
/// far apart.
std::size_t number_classes(std::span<std::uint32_t> classes, std::vector<std::int32_t>& listed) {
  std::int32_t lowest = std::numeric_limits<std::int32_t>::max();
  std::int32_t highest = std::numeric_limits<std::int32_t>::min();
  for (std::uint32_t label : classes) {
    lowest = std::min(lowest, static_cast<std::int32_t>(label));
    highest = std::max(highest, static_cast<std::int32_t>(label));
  }
  const std::int64_t range = std::int64_t{highest} - lowest + 1;
  if (range <= static_cast<std::int64_t>(classes.size()) + 1024) {
    for (std::uint32_t& label : classes) label -= static_cast<std::uint32_t>(lowest);
    return static_cast<std::size_t>(range);
  }
  listed.assign(classes.begin(), classes.end());
  std::sort(listed.begin(), listed.end());
  listed.erase(std::unique(listed.begin(), listed.end()), listed.end());
  for (std::uint32_t& label : classes) {
    const auto place = std::lower_bound(listed.begin(), listed.end(), static_cast<std::int32_t>(label));
    label = static_cast<std::uint32_t>(place - listed.begin());
  }
  return listed.size();
}

constexpr std::size_t kFirst = 1024;  ///< At least so many candidates at once.

std::size_t limit_of(std::span<const std::int32_t> limits, std::size_t image) {
  return limits.empty() ? std::numeric_limits<std::size_t>::max() : static_cast<std::size_t>(limits[image]);
}

/// Marks which of the first `count` candidates stay, class by class.
void suppress_by_class(const Box* boxes, const std::int32_t* classes, std::size_t count, std::size_t most_per_class,
                       NmsScratch& scratch) {
  const std::uint32_t* const rows = scratch.rows.data();
  std::uint32_t* const group_of = scratch.groups.data();
  std::uint32_t* const members = scratch.members.data();
  for (std::size_t i = 0; i < count; ++i) group_of[i] = static_cast<std::uint32_t>(classes[rows[i]]);
  const std::size_t groups = number_classes({group_of, count}, scratch.labels);
  scratch.starts.assign(groups + 1, 0);
  std::uint32_t* const starts = scratch.starts.data();
  for (std::size_t i = 0; i < count; ++i) ++starts[group_of[i]];
  std::uint32_t end = 0;
  for (std::size_t g = 0; g <= groups; ++g) starts[g] = end += starts[g];
  for (std::size_t i = count; i-- > 0;) members[--starts[group_of[i]]] = rows[i];
  for (std::size_t g = 0; g < groups; ++g) {
    scratch.suppression.run(boxes, {members + starts[g], members + starts[g + 1]}, most_per_class,
                            scratch.stays.data());
  }
}

/// Takes the candidates by falling score until enough stay; writes the rows that do to `keep` and returns how many.
std::size_t suppress(const NmsBatch& batch, const NmsSettings& settings, std::size_t image, std::size_t count,
                     NmsScratch& scratch, std::int64_t* keep) {
  const std::int64_t first = batch.splits[image];
  const Box* const boxes = batch.boxes.data() + first;
  const std::int32_t* const classes = batch.classes.data() + first;
  const std::size_t most = limit_of(settings.max_detections, image);
  const std::size_t most_per_group = limit_of(settings.max_per_class, image);
  count = std::min(count, limit_of(settings.max_candidates, image));
  for (auto* column : {&scratch.rows, &scratch.groups, &scratch.members}) {
    column->resize(std::max(column->size(), count));
  }
  scratch.stays.assign(static_cast<std::size_t>(batch.splits[image + 1] - first), 0);
  std::uint32_t* const rows = scratch.rows.data();
  std::uint8_t* const stays = scratch.stays.data();
  // Few results need few candidates. What stays of some competes again, among the next: it stays again.
  std::size_t at_once = most < count / 4 ? std::max(kFirst, 4 * most) : count;
  std::size_t total = 0;
  for (std::size_t i = 0, sorted = 0; i < count && total < most; at_once *= 2) {
    const std::size_t end = i + std::min(at_once, count - i);
    while (sorted < end) sorted = scratch.order.sort_from(sorted);
    std::size_t entering = total;
    for (; i < end; ++i) rows[entering++] = ScoreOrder::row_of(scratch.order.keys()[i]);
    if (settings.class_agnostic[image]) {
      std::copy_n(rows, entering, scratch.members.data());
      scratch.suppression.run(boxes, {scratch.members.data(), entering}, most_per_group, stays);
    } else {
      suppress_by_class(boxes, classes, entering, most_per_group, scratch);
    }
    std::size_t staying = 0;
    for (std::size_t k = 0; k < entering; ++k) {
      const std::uint32_t row = rows[k];
      rows[staying] = row;
      staying += stays[row];
    }
    total = std::min(staying, most);
  }
  for (std::size_t k = 0; k < total; ++k) keep[k] = first + rows[k];
  return total;
}

/// Suppresses within one image; writes the rows that stay to `keep` and returns how many.
std::size_t nms_of_image(const NmsBatch& batch, const NmsSettings& settings, std::size_t image,
                         const kernels::NmsKernels& kernels, NmsScratch& scratch, std::int64_t* keep) {
  const auto first = static_cast<std::size_t>(batch.splits[image]);
  const auto count = static_cast<std::size_t>(batch.splits[image + 1]) - first;
  const float* scores = batch.scores.data() + first;
  const std::int32_t* classes = batch.classes.data() + first;

  std::uint64_t* keys = scratch.order.room(count);
  kernels::Keys found = kernels.keys_above(scores, count, settings.score_thresholds[image], keys);
  if (is_filtered(settings)) {
    found.count = filter(settings, image, batch.boxes.data() + first, classes, scores, keys, found.count);
  }
  if (found.count == 0) return 0;
  scratch.suppression.start(kernels, settings.iou_thresholds[image]);
  scratch.order.arrange(found.count, found.lowest, found.highest);
  return suppress(batch, settings, image, found.count, scratch, keep);
}

}  // namespace

std::size_t nms(const NmsBatch& batch, const NmsSettings& settings, std::span<std::int64_t> keep,
                std::span<std::int64_t> keep_splits, NmsWorkspace& workspace, ThreadPool* pool) {
  check(batch, settings, keep, keep_splits);
  check_options(batch, settings);
  const kernels::NmsKernels kernels = kernels::nms_kernels(active_isa());
  workspace.threads.resize(std::max(workspace.threads.size(), thread_count(pool)));
  // Each image writes where its candidates lie, whatever the others keep; then the gaps are closed.
  run(pool, batch.splits.size() - 1, [&](std::size_t image, std::size_t thread) {
    keep_splits[image + 1] = static_cast<std::int64_t>(
        nms_of_image(batch, settings, image, kernels, workspace.threads[thread], keep.data() + batch.splits[image]));
  });
  keep_splits[0] = 0;
  for (std::size_t b = 0; b + 1 < batch.splits.size(); ++b) {
    const std::int64_t kept = keep_splits[b + 1];
    std::copy_n(keep.data() + batch.splits[b], kept, keep.data() + keep_splits[b]);
    keep_splits[b + 1] = keep_splits[b] + kept;
  }
  return static_cast<std::size_t>(keep_splits.back());
}

}  // namespace framecast
