#include "framecast/nms.h"

#include <algorithm>
#include <limits>

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

/// Numbers the classes of an image's candidates from 0 on.
class Groups {
 public:
  Groups(const std::int32_t* classes, const std::uint64_t* keys, std::size_t count, std::vector<std::int32_t>& labels)
      : classes_(classes), labels_(labels) {
    std::int32_t lowest = std::numeric_limits<std::int32_t>::max();
    std::int32_t highest = std::numeric_limits<std::int32_t>::min();
    for (std::size_t i = 0; i < count; ++i) {
      const std::int32_t label = classes[ScoreOrder::row_of(keys[i])];
      lowest = std::min(lowest, label);
      highest = std::max(highest, label);
    }
    lowest_ = lowest;
    const std::int64_t range = std::int64_t{highest} - lowest + 1;
    close_together_ = range <= static_cast<std::int64_t>(count) + 1024;
    count_ = static_cast<std::size_t>(range);
    if (close_together_) return;
    labels.clear();
    for (std::size_t i = 0; i < count; ++i) labels.push_back(classes[ScoreOrder::row_of(keys[i])]);
    std::sort(labels.begin(), labels.end());
    labels.erase(std::unique(labels.begin(), labels.end()), labels.end());
    count_ = labels.size();
  }

  std::size_t count() const { return count_; }

  std::size_t of_row(std::uint32_t row) const {
    const std::int32_t label = classes_[row];
    if (close_together_) return static_cast<std::uint32_t>(label) - static_cast<std::uint32_t>(lowest_);
    return static_cast<std::size_t>(std::lower_bound(labels_.begin(), labels_.end(), label) - labels_.begin());
  }

 private:
  const std::int32_t* classes_;
  const std::vector<std::int32_t>& labels_;
  std::int32_t lowest_;
  bool close_together_;
  std::size_t count_;
};

/// The one group of an image whose classes do not matter.
struct OneGroup {
  std::size_t count() const { return 1; }
  std::size_t of_row(std::uint32_t) const { return 0; }
};

constexpr std::size_t kFirst = 1024;  ///< At least so many candidates at once.

std::size_t limit_of(std::span<const std::int32_t> limits, std::size_t image) {
  return limits.empty() ? std::numeric_limits<std::size_t>::max() : static_cast<std::size_t>(limits[image]);
}

/// Marks which of the first `count` candidates stay, group by group.
void suppress_by_group(const Box* boxes, std::size_t count, std::size_t groups, std::size_t most_per_group,
                       NmsScratch& scratch) {
  scratch.starts.assign(groups + 1, 0);
  scratch.members.resize(std::max(scratch.members.size(), count));
  std::uint32_t* const starts = scratch.starts.data();
  std::uint32_t* const members = scratch.members.data();
  const std::uint32_t* const rows = scratch.rows.data();
  const std::uint32_t* const group_of = scratch.groups.data();
  for (std::size_t i = 0; i < count; ++i) ++starts[group_of[i]];
  std::uint32_t end = 0;
  for (std::size_t g = 0; g <= groups; ++g) starts[g] = end += starts[g];
  for (std::size_t i = count; i-- > 0;) members[--starts[group_of[i]]] = rows[i];
  for (std::size_t g = 0; g < groups; ++g) {
    scratch.suppression.run(boxes, {members + starts[g], members + starts[g + 1]}, most_per_group,
                            scratch.stays.data());
  }
}

/// Takes the candidates by falling score until enough stay; writes the rows that do to `keep` and returns how many.
template <typename Grouping>
std::size_t suppress(const NmsBatch& batch, const NmsSettings& settings, std::size_t image, const Grouping& groups,
                     std::size_t count, NmsScratch& scratch, std::int64_t* keep) {
  const std::int64_t first = batch.splits[image];
  const Box* boxes = batch.boxes.data() + first;
  const std::size_t most = limit_of(settings.max_detections, image);
  const std::size_t most_per_group = limit_of(settings.max_per_class, image);
  count = std::min(count, limit_of(settings.max_candidates, image));
  for (auto* column : {&scratch.rows, &scratch.groups}) column->resize(std::max(column->size(), count));
  scratch.stays.assign(static_cast<std::size_t>(batch.splits[image + 1] - first), 0);
  std::uint32_t* const rows = scratch.rows.data();
  std::uint32_t* const group_of = scratch.groups.data();
  std::uint8_t* const stays = scratch.stays.data();
  // Few results need few candidates. What stays of some competes again, among the next: it stays again.
  std::size_t at_once = most < count / 4 ? std::max(kFirst, 4 * most) : count;
  std::size_t total = 0;
  for (std::size_t i = 0, sorted = 0; i < count && total < most; at_once *= 2) {
    std::size_t entering = total;
    for (const std::size_t end = i + std::min(at_once, count - i); i < end; ++i, ++entering) {
      if (i == sorted) sorted = scratch.order.sort_from(i);
      const std::uint32_t row = ScoreOrder::row_of(scratch.order.keys()[i]);
      rows[entering] = row;
      group_of[entering] = static_cast<std::uint32_t>(groups.of_row(row));
    }
    suppress_by_group(boxes, entering, groups.count(), most_per_group, scratch);
    std::size_t staying = 0;
    for (std::size_t k = 0; k < entering; ++k) {
      const std::uint32_t row = rows[k];
      rows[staying] = row;
      group_of[staying] = group_of[k];
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
  if (settings.class_agnostic[image]) {
    scratch.order.arrange(found.count, found.lowest, found.highest);
    return suppress(batch, settings, image, OneGroup{}, found.count, scratch, keep);
  }
  const Groups groups(classes, keys, found.count, scratch.labels);
  scratch.order.arrange(found.count, found.lowest, found.highest);
  return suppress(batch, settings, image, groups, found.count, scratch, keep);
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
