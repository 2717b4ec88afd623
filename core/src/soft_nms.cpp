#include "framecast/soft_nms.h"

#include <algorithm>
#include <cmath>

#include "candidate_order.h"
#include "finite_box.h"
#include "kernels/box_iou.h"
#include "suppression_batch.h"

namespace framecast {
namespace {

void check(const NmsBatch& batch, const SoftNmsSettings& settings, std::span<const std::int64_t> keep,
           std::span<const float> keep_scores, std::span<const std::int64_t> keep_splits) {
  require_rows(batch.boxes.size(), batch.scores, batch.classes, batch.splits);
  const std::size_t images = batch.splits.size() - 1;
  require(settings.iou_thresholds.empty() || settings.sigmas.empty(), "sigmas: must not be given with iou_thresholds");
  if (settings.sigmas.empty()) {
    require_iou_thresholds(settings.iou_thresholds, images);
  } else {
    require(settings.sigmas.size() == images, "sigmas: must have one entry per image");
    for (float value : settings.sigmas)
      require(std::isfinite(value) && value > 0, "sigmas: must be above 0 and finite");
  }
  require_score_thresholds(settings.score_thresholds, images);
  for (float value : settings.score_thresholds) require(value >= 0, "score_thresholds: must not be negative");
  require_max_detections(settings.max_detections, images);
  require_class_agnostic(settings.class_agnostic, images);
  require(keep.size() >= batch.boxes.size(), "keep: must be at least as long as boxes");
  require(keep_scores.size() >= batch.boxes.size(), "keep_scores: must be at least as long as boxes");
  require(keep_splits.size() == batch.splits.size(), "keep_splits: must be as long as splits");
}

/// What the IoU with a kept box does to a score.
struct Decay {
  float threshold;  ///< IoU above it counts.
  float sigma;      ///< 0: linear.

  float factor(float iou) const { return sigma == 0 ? 1 - iou : std::exp(-(iou * iou) / sigma); }
};

bool comes_later(const SoftCandidate& a, const SoftCandidate& b) { return a.key > b.key; }

std::uint32_t row_of(std::uint64_t key) { return static_cast<std::uint32_t>(key); }

/// One image's candidates, whose scores only ever fall.
///
/// So a score that is out of date is an upper bound, and only the candidate that is best by such bounds has to be
/// brought up to date: each is compared with the boxes kept in its class, once, and in the order of keeping.
class Image {
 public:
  Image(const Box* boxes, float floor, Decay decay, kernels::IousAbove ious_above, SoftNmsScratch& scratch)
      : boxes_(boxes), floor_(floor), decay_(decay), ious_above_(ious_above), scratch_(scratch) {
    scratch.kept.assign(scratch.order.group_count, 0);
    scratch.lowered.clear();
    scratch.lowered.reserve(scratch.order.size());
    for (auto& column : scratch.columns) column.resize(std::max(column.size(), scratch.order.size()));
    scratch.rivals.resize(std::max(scratch.rivals.size(), scratch.order.size()));
    scratch.ious.resize(std::max(scratch.ious.size(), scratch.order.size()));
  }

  /// Keeps at most `limit` rows, numbered from `first` on; `scores` are those of the image. Returns how many.
  std::size_t suppress(const float* scores, std::size_t limit, std::size_t first, std::int64_t* keep,
                       float* keep_scores) {
    const CandidateOrder& order = scratch_.order;
    auto& lowered = scratch_.lowered;
    auto& current = scratch_.lowered_scores;
    std::size_t total = 0, next = 0;
    while (total < limit && (next < order.size() || !lowered.empty())) {
      SoftCandidate candidate;
      if (lowered.empty() || (next < order.size() && order.keys[next] < lowered.front().key)) {
        candidate = {order.keys[next], order.groups[next], 0};
        current[row_of(candidate.key)] = scores[row_of(candidate.key)];
        ++next;
      } else {
        candidate = lowered.front();
        std::pop_heap(lowered.begin(), lowered.end(), comes_later);
        lowered.pop_back();
      }
      const std::uint32_t row = row_of(candidate.key);
      float& score = current[row];
      if (lower(candidate, score)) {
        if (!(score > floor_)) continue;
        candidate.key = std::uint64_t{falling_key(score)} << 32 | row;
        const bool still_best = (next == order.size() || candidate.key < order.keys[next]) &&
                                (lowered.empty() || candidate.key < lowered.front().key);
        if (!still_best) {
          lowered.push_back(candidate);
          std::push_heap(lowered.begin(), lowered.end(), comes_later);
          continue;
        }
      }
      keep_scores[total] = score;
      keep[total++] = static_cast<std::int64_t>(first + row);
      const std::size_t at = scratch_.kept[candidate.group]++;
      const Box& box = boxes_[row];
      kernels::set_column(columns_of(candidate.group), at, box, kernels::area_of(box));
    }
    return total;
  }

 private:
  kernels::BoxColumns columns_of(std::uint32_t group) {
    const std::size_t start = scratch_.order.starts[group];
    auto column = [&](std::size_t c) { return scratch_.columns[c].data() + start; };
    return {column(0), column(1), column(2), column(3), column(4), scratch_.kept[group]};
  }

  /// Brings the score up to date with the boxes kept so far; true if it changed.
  bool lower(SoftCandidate& candidate, float& score) {
    const kernels::BoxColumns rivals = columns_of(candidate.group);
    const Box& box = boxes_[row_of(candidate.key)];
    const std::size_t count = ious_above_(rivals, candidate.seen, box, kernels::area_of(box), decay_.threshold,
                                          scratch_.rivals.data(), scratch_.ious.data());
    candidate.seen = static_cast<std::uint32_t>(rivals.count);
    for (std::size_t i = 0; i < count && score > floor_; ++i) score *= decay_.factor(scratch_.ious[i]);
    return count > 0;
  }

  const Box* boxes_;
  float floor_;
  Decay decay_;
  kernels::IousAbove ious_above_;
  SoftNmsScratch& scratch_;
};

std::size_t soft_nms_of_image(const NmsBatch& batch, const SoftNmsSettings& settings, std::size_t image,
                              kernels::IousAbove ious_above, SoftNmsScratch& scratch, std::int64_t* keep,
                              float* keep_scores) {
  const auto first = static_cast<std::size_t>(batch.splits[image]);
  const auto count = static_cast<std::size_t>(batch.splits[image + 1]) - first;
  const Box* boxes = batch.boxes.data() + first;
  const float floor = settings.score_thresholds[image];
  order_candidates(batch.scores.subspan(first, count), floor, scratch.order,
                   [boxes](std::size_t row) { return is_finite(boxes[row]); });
  group_candidates(batch.classes.subspan(first, count), settings.class_agnostic[image] != 0, scratch.order);
  scratch.lowered_scores.resize(std::max(scratch.lowered_scores.size(), count));
  const Decay decay =
      settings.sigmas.empty() ? Decay{settings.iou_thresholds[image], 0} : Decay{0, settings.sigmas[image]};
  return Image(boxes, floor, decay, ious_above, scratch)
      .suppress(batch.scores.data() + first, static_cast<std::size_t>(settings.max_detections[image]), first, keep,
                keep_scores);
}

}  // namespace

std::size_t soft_nms(const NmsBatch& batch, const SoftNmsSettings& settings, std::span<std::int64_t> keep,
                     std::span<float> keep_scores, std::span<std::int64_t> keep_splits, SoftNmsWorkspace& workspace,
                     ThreadPool* pool) {
  check(batch, settings, keep, keep_scores, keep_splits);
  const kernels::IousAbove ious_above = kernels::box_iou_kernels(active_isa()).ious_above;
  workspace.threads.resize(std::max(workspace.threads.size(), thread_count(pool)));
  // Each image writes where its candidates lie, whatever the others keep; then the gaps are closed.
  run(pool, batch.splits.size() - 1, [&](std::size_t image, std::size_t thread) {
    const auto first = batch.splits[image];
    keep_splits[image + 1] =
        static_cast<std::int64_t>(soft_nms_of_image(batch, settings, image, ious_above, workspace.threads[thread],
                                                    keep.data() + first, keep_scores.data() + first));
  });
  add_up(keep_splits);
  close_gaps(keep, batch.splits, keep_splits);
  close_gaps(keep_scores, batch.splits, keep_splits);
  return static_cast<std::size_t>(keep_splits.back());
}

}  // namespace framecast
