#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "framecast/candidate_order.h"
#include "framecast/nms.h"
#include "framecast/thread_pool.h"

namespace framecast {

/// What each image of the batch asks for; every span is [B]. Give either `iou_thresholds` or `sigmas`.
struct SoftNmsSettings {
  std::span<const float> iou_thresholds;         ///< Linear decay: in [0, 1]; IoU > threshold counts.
  std::span<const float> sigmas;                 ///< Gaussian decay: above 0, not infinite.
  std::span<const float> score_thresholds;       ///< At least 0; a row stays in while its score is above it.
  std::span<const std::int32_t> max_detections;  ///< At least 0.
  std::span<const std::uint8_t> class_agnostic;  ///< Non-zero: boxes of different classes lower each other's scores.
};

/// A candidate whose score has been lowered, to be looked at again.
struct SoftCandidate {
  std::uint64_t key;    ///< Its score as lowered so far, falling, above its row.
  std::uint32_t group;  ///< The number of its class.
  std::uint32_t seen;   ///< How many of the boxes kept in its class have lowered the score.
};

/// What one thread needs for one image at a time.
struct SoftNmsScratch {
  CandidateOrder order;
  std::vector<SoftCandidate> lowered;  ///< A heap.
  std::vector<float> lowered_scores;   ///< Per row.
  std::vector<std::uint32_t> kept;     ///< Per group: how many boxes it keeps so far.
  std::vector<float> columns[5];       ///< Of the boxes kept, a part per group.
  std::vector<std::uint32_t> rivals;
  std::vector<float> ious;
};

/// Memory of `soft_nms`, reused across calls; one per caller.
struct SoftNmsWorkspace {
  std::vector<SoftNmsScratch> threads;
};

/// Soft non-maximum suppression per class (Bodla et al., "Soft-NMS: improving object detection with one line of code",
/// 2017), exact.
///
/// Again and again the row with the highest score left is kept, ties by lower row, and the scores of the rows left in
/// its class are multiplied: linear, by 1 - IoU where IoU > threshold; Gaussian, by exp(-IoU * IoU / sigma). A row
/// whose score is not, or no longer, above the score threshold is out. All in float32, factors in the order of keeping.
/// Writes rows, per image in the order of keeping, which is by falling new score, and these scores to the fronts of
/// `keep` and `keep_scores` (at least N long) and offsets to `keep_splits` (B + 1); returns how many were kept.
/// IoU, and the rows that are dropped, are those of `nms`. Images are shared among the threads of `pool`.
/// Throws std::invalid_argument, naming the argument, where lengths or values do not fit.
std::size_t soft_nms(const NmsBatch& batch, const SoftNmsSettings& settings, std::span<std::int64_t> keep,
                     std::span<float> keep_scores, std::span<std::int64_t> keep_splits, SoftNmsWorkspace& workspace,
                     ThreadPool* pool = nullptr);

}  // namespace framecast
