#include "framecast/nms.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <utility>

#include "argument.h"
#include "isa.h"
#include "kernels/nms.h"

namespace framecast {
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

/// Rises as the score falls, equal for equal scores; not for NaN.
std::uint32_t falling_key(float score) {
  const auto bits = std::bit_cast<std::uint32_t>(score + 0.0f);  // Which makes -0 the same as 0.
  return bits >> 31 ? bits : ~(bits | 0x80000000u);
}

bool is_finite(const Box& box) {
  constexpr std::uint32_t kExponent = 0x7f800000u;
  std::uint32_t bits[4];
  std::memcpy(bits, &box, sizeof(bits));
  return ((bits[0] & kExponent) != kExponent) & ((bits[1] & kExponent) != kExponent) &
         ((bits[2] & kExponent) != kExponent) & ((bits[3] & kExponent) != kExponent);
}

/// Sorts `keys[0]` by the upper halves, keeping the order of equal ones: a radix sort over the bits that differ.
void sort_by_upper_half(NmsScratch& scratch) {
  auto& keys = scratch.keys;
  const std::size_t count = keys[0].size();
  if (count < 64) {  // The lower halves rise, so sorting whole keys keeps their order too.
    std::sort(keys[0].begin(), keys[0].end());
    return;
  }
  std::uint32_t lowest = std::numeric_limits<std::uint32_t>::max();
  std::uint32_t highest = 0;
  for (std::uint64_t key : keys[0]) {
    lowest = std::min(lowest, static_cast<std::uint32_t>(key >> 32));
    highest = std::max(highest, static_cast<std::uint32_t>(key >> 32));
  }
  const int bits = std::bit_width(highest - lowest);
  if (bits == 0) return;
  const int passes = (bits + 10) / 11;
  const int digit_bits = (bits + passes - 1) / passes;
  const std::size_t digits = std::size_t{1} << digit_bits;
  auto digit = [lowest, digit_bits, digits](std::uint64_t key, int pass) {
    return ((static_cast<std::uint32_t>(key >> 32) - lowest) >> (pass * digit_bits)) & (digits - 1);
  };
  auto& counters = scratch.counters;
  counters.assign(static_cast<std::size_t>(passes) * digits, 0);
  for (std::uint64_t key : keys[0]) {
    for (int pass = 0; pass < passes; ++pass) ++counters[static_cast<std::size_t>(pass) * digits + digit(key, pass)];
  }
  keys[1].resize(count);
  for (int pass = 0; pass < passes; ++pass) {
    std::uint32_t* places = counters.data() + static_cast<std::size_t>(pass) * digits;
    std::uint32_t place = 0;
    for (std::size_t d = 0; d < digits; ++d) place += std::exchange(places[d], place);
    for (std::uint64_t key : keys[0]) keys[1][places[digit(key, pass)]++] = key;
    keys[0].swap(keys[1]);
  }
}

std::uint32_t row_of(std::uint64_t key) { return static_cast<std::uint32_t>(key); }

/// Numbers the classes of the keys from 0 on, per key in `groups`; returns how many there are at most.
std::size_t number_groups(const std::int32_t* classes, NmsScratch& scratch) {
  const auto& keys = scratch.keys[0];
  auto& groups = scratch.groups;
  groups.resize(keys.size());
  std::int32_t lowest = std::numeric_limits<std::int32_t>::max();
  std::int32_t highest = std::numeric_limits<std::int32_t>::min();
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const std::int32_t label = classes[row_of(keys[i])];
    groups[i] = static_cast<std::uint32_t>(label);
    lowest = std::min(lowest, label);
    highest = std::max(highest, label);
  }
  const std::int64_t range = std::int64_t{highest} - lowest + 1;
  if (range <= static_cast<std::int64_t>(keys.size()) + 1024) {
    for (auto& group : groups) group -= static_cast<std::uint32_t>(lowest);
    return static_cast<std::size_t>(range);
  }
  auto& labels = scratch.labels;
  labels.resize(keys.size());
  for (std::size_t i = 0; i < keys.size(); ++i) labels[i] = static_cast<std::int32_t>(groups[i]);
  std::sort(labels.begin(), labels.end());
  labels.erase(std::unique(labels.begin(), labels.end()), labels.end());
  for (auto& group : groups) {
    const auto at = std::lower_bound(labels.begin(), labels.end(), static_cast<std::int32_t>(group));
    group = static_cast<std::uint32_t>(at - labels.begin());
  }
  return labels.size();
}

/// Goes through the sorted keys and writes the rows that stay, at most `limit`, to `keep`; returns how many.
///
/// Every group's kept boxes have their own part of the columns, so that one pass in the order of scores will do, and
/// may end as soon as there are enough.
std::size_t suppress(const Box* boxes, float threshold, std::size_t limit, std::size_t groups, std::int64_t first,
                     kernels::OverlapsAny overlaps_any, NmsScratch& scratch, std::int64_t* keep) {
  const auto& keys = scratch.keys[0];
  scratch.kept.assign(groups, 0);
  scratch.starts.assign(groups + 1, 0);
  std::uint32_t* kept = scratch.kept.data();
  std::uint32_t* starts = scratch.starts.data();
  for (std::uint32_t group : scratch.groups) ++starts[group + 1];
  for (std::size_t g = 0; g < groups; ++g) starts[g + 1] += starts[g];
  for (auto& column : scratch.columns) column.resize(std::max(column.size(), keys.size()));
  float* columns[5];
  for (std::size_t i = 0; i < 5; ++i) columns[i] = scratch.columns[i].data();
  std::size_t total = 0;
  for (std::size_t i = 0; i < keys.size() && total < limit; ++i) {
    const std::uint32_t group = scratch.groups[i];
    const std::uint32_t start = starts[group];
    const Box& box = boxes[row_of(keys[i])];
    const float area = (box.x2 - box.x1) * (box.y2 - box.y1);
    const kernels::BoxColumns rivals{columns[0] + start, columns[1] + start, columns[2] + start,
                                     columns[3] + start, columns[4] + start, kept[group]};
    if (overlaps_any(rivals, box, area, threshold)) continue;
    const std::size_t at = kept[group]++;
    rivals.x1[at] = box.x1;
    rivals.y1[at] = box.y1;
    rivals.x2[at] = box.x2;
    rivals.y2[at] = box.y2;
    rivals.area[at] = area;
    keep[total++] = first + row_of(keys[i]);
  }
  return total;
}

/// Suppresses within one image whose first row is `first`; writes the rows that stay to `keep` and returns how many.
std::size_t nms_of_image(const NmsBatch& batch, const NmsSettings& settings, std::size_t image,
                         const kernels::NmsKernels& kernel, NmsScratch& scratch, std::int64_t* keep) {
  const auto first = static_cast<std::size_t>(batch.splits[image]);
  const auto count = static_cast<std::size_t>(batch.splits[image + 1]) - first;
  const Box* boxes = batch.boxes.data() + first;
  const float* scores = batch.scores.data() + first;

  auto& rows = scratch.rows;
  rows.resize(std::max(rows.size(), count));
  const std::size_t above = kernel.rows_above(scores, count, settings.score_thresholds[image], rows.data());
  auto& keys = scratch.keys[0];
  keys.resize(above);
  std::size_t entering = 0;
  for (std::size_t i = 0; i < above; ++i) {
    const std::uint32_t row = rows[i];
    keys[entering] = std::uint64_t{falling_key(scores[row])} << 32 | row;
    entering += is_finite(boxes[row]);
  }
  keys.resize(entering);
  if (entering == 0) return 0;
  sort_by_upper_half(scratch);
  std::size_t groups = 1;
  if (settings.class_agnostic[image]) {
    scratch.groups.assign(entering, 0);
  } else {
    groups = number_groups(batch.classes.data() + first, scratch);
  }
  return suppress(boxes, settings.iou_thresholds[image], static_cast<std::size_t>(settings.max_detections[image]),
                  groups, static_cast<std::int64_t>(first), kernel.overlaps_any, scratch, keep);
}

}  // namespace

std::size_t nms(const NmsBatch& batch, const NmsSettings& settings, std::span<std::int64_t> keep,
                std::span<std::int64_t> keep_splits, NmsWorkspace& workspace, ThreadPool* pool) {
  check(batch, settings, keep, keep_splits);
  const kernels::NmsKernels kernel = kernels::nms_kernels(active_isa());
  workspace.threads.resize(std::max(workspace.threads.size(), thread_count(pool)));
  // Each image writes where its candidates lie, whatever the others keep; then the gaps are closed.
  run(pool, batch.splits.size() - 1, [&](std::size_t image, std::size_t thread) {
    keep_splits[image + 1] = static_cast<std::int64_t>(
        nms_of_image(batch, settings, image, kernel, workspace.threads[thread], keep.data() + batch.splits[image]));
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
