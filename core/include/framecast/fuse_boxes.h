#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "framecast/box.h"
#include "framecast/candidate_order.h"
#include "framecast/candidates.h"
#include "framecast/thread_pool.h"

namespace framecast {

/// Detections of one batch of images by several models, or of several views of each image.
struct FusionBatch {
  std::span<const Box> boxes;             ///< [N], those of one image in one pixel frame.
  std::span<const float> scores;          ///< [N]
  std::span<const std::int32_t> classes;  ///< [N], any labels.
  std::span<const std::int32_t> models;   ///< [N], in [0, M): who found it.
  std::span<const std::int64_t> splits;   ///< [B + 1], from 0 to N, never falling.
};

/// What becomes of the scores of boxes that are fused.
enum class FusedScore {
  average,  ///< Their mean, and less where fewer boxes than models agree.
  highest,
};

struct FusionSettings {
  std::span<const float> iou_thresholds;         ///< [B], in [0, 1]; IoU > threshold joins.
  std::span<const float> score_thresholds;       ///< [B], at least 0; score > threshold enters.
  std::span<const std::int32_t> max_detections;  ///< [B], at least 0.
  std::span<const float> model_weights;          ///< [M], above 0, not infinite.
  FusedScore score = FusedScore::average;
};

/// Boxes that were fused into one.
struct BoxCluster {
  double weights;  ///< Sum of their weighted scores.
  double sums[4];  ///< Of coordinates times weighted score.
  float highest;   ///< Weighted score.
  std::uint32_t count;
  std::uint32_t group;
  std::uint32_t place;  ///< Which column of its group shows the fused box.
  std::int32_t label;
};

/// What one thread needs for one image at a time.
struct FusionScratch {
  CandidateOrder order;
  std::vector<float> weighted;  ///< Per row: score times the model's weight.
  std::vector<BoxCluster> clusters;
  std::vector<std::uint32_t> members;  ///< Per column: the number of its cluster.
  std::vector<std::uint32_t> counts;   ///< Per group: how many clusters it has so far.
  std::vector<float> columns[5];       ///< The fused boxes, a part per group.
  std::vector<std::uint32_t> rivals;
  std::vector<float> ious;
};

/// Memory of `fuse_boxes`, reused across calls; one per caller.
struct FusionWorkspace {
  std::vector<FusionScratch> threads;
};

/// Weighted boxes fusion per class (Solovyev, Wang and Gabruseva, "Weighted boxes fusion: ensembling boxes from
/// different object detection models", 2019).
///
/// Rows go in the order of falling weighted score, score * model weight, ties by rising row. Each joins the fused box
/// of its class with the highest IoU above the threshold, ties by the older one, or else begins a new one. A fused box
/// is the mean of its members' boxes, weighted by their weighted scores s, and is brought up to date, float32 from
/// float64 sums, at once. In the end its score is, of T members, M models and their weights w,
/// average: sum(s) / T * min(T, M) / sum(w); highest: max(s) / max(w).
/// Writes the fused boxes, per image by falling score, ties by their best member, at most max_detections.
/// IoU is that of `nms`. A row with a score or coordinate that is not finite is dropped, as is one whose weighted score
/// is not above 0; a box of no area joins none, and none joins it.
/// Images are shared among the threads of `pool`. Throws std::invalid_argument, naming the argument, where lengths or
/// values do not fit.
void fuse_boxes(const FusionBatch& batch, const FusionSettings& settings, Candidates& out, FusionWorkspace& workspace,
                ThreadPool* pool = nullptr);

}  // namespace framecast
