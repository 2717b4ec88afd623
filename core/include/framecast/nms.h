#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "framecast/box.h"

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

/// Memory of `nms`, reused across calls; one per thread.
struct NmsWorkspace {
  struct Entry {
    std::int32_t group;
    std::uint32_t index;
    float score;
  };
  std::vector<Entry> entries;
  std::vector<Entry> kept;
  std::vector<float> columns[5];
};

/// Greedy non-maximum suppression per class, exact: no class-offset trick and no N x N matrix.
///
/// Writes the rows kept, per image by falling score and then rising row, to the front of `keep` (at least N long) and
/// their offsets to `keep_splits` (B + 1 long); returns how many were kept. IoU is float32 in torchvision's order of
/// operations: inter / (area_a + area_b - inter), widths and heights clamped at 0.
/// A row with a NaN score or a non-finite coordinate is dropped. A box of no area neither suppresses nor is suppressed.
/// Throws std::invalid_argument, naming the argument, where lengths or values do not fit.
std::size_t nms(const NmsBatch& batch, const NmsSettings& settings, std::span<std::int64_t> keep,
                std::span<std::int64_t> keep_splits, NmsWorkspace& workspace);

}  // namespace framecast
