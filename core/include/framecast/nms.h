#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "framecast/box.h"
#include "framecast/thread_pool.h"

namespace framecast {

/// The candidates of a batch of images: image b owns rows splits[b] to splits[b + 1].
struct NmsBatch {
  std::span<const Box> boxes;             ///< [N], any one pixel frame per image.
  std::span<const float> scores;          ///< [N]
  std::span<const std::int32_t> classes;  ///< [N], any labels.
  std::span<const std::int64_t> splits;   ///< [B + 1], from 0 to N, never falling.
};

/// What each image of the batch asks for; every span is [B].
struct NmsSettings {
  std::span<const float> iou_thresholds;         ///< In [0, 1]; IoU > threshold suppresses.
  std::span<const float> score_thresholds;       ///< score > threshold enters; -inf lets all in, NaN is refused.
  std::span<const std::int32_t> max_detections;  ///< At least 0.
  std::span<const std::uint8_t> class_agnostic;  ///< Non-zero: boxes of different classes suppress each other.
};

/// What one thread needs for one image at a time.
struct NmsScratch {
  std::vector<std::uint32_t> rows;      ///< Those above the score threshold.
  std::vector<std::uint64_t> keys[2];   ///< Score and row, to be sorted.
  std::vector<std::uint32_t> counters;  ///< Of the sort.
  std::vector<std::uint32_t> groups;    ///< Per key: the number of its class.
  std::vector<std::int32_t> labels;     ///< The classes present, rising, where they lie far apart.
  std::vector<std::uint32_t> starts;    ///< Per group: where its part of the columns begins.
  std::vector<std::uint32_t> kept;      ///< Per group: how many boxes it keeps so far.
  std::vector<float> columns[5];
};

/// Memory of `nms`, reused across calls; one per caller.
struct NmsWorkspace {
  std::vector<NmsScratch> threads;
};

/// Greedy non-maximum suppression per class, exact: no class-offset trick and no N x N matrix.
///
/// Writes the rows kept, per image by falling score and then rising row, to the front of `keep` (at least N long) and
/// their offsets to `keep_splits` (B + 1 long); returns how many were kept. IoU is float32 in torchvision's order of
/// operations: inter / (area_a + area_b - inter), widths and heights clamped at 0.
/// A row with a NaN score or a non-finite coordinate is dropped. A box of no area neither suppresses nor is suppressed.
/// Images are shared among the threads of `pool`, where there is one.
/// Throws std::invalid_argument, naming the argument, where lengths or values do not fit.
std::size_t nms(const NmsBatch& batch, const NmsSettings& settings, std::span<std::int64_t> keep,
                std::span<std::int64_t> keep_splits, NmsWorkspace& workspace, ThreadPool* pool = nullptr);

}  // namespace framecast
