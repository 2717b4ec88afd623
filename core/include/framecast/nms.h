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

/// What each image of the batch asks for. Spans are [B]; those with a default may be left empty, which limits nothing.
struct NmsSettings {
  std::span<const float> iou_thresholds;         ///< In [0, 1]; IoU > threshold suppresses.
  std::span<const float> score_thresholds;       ///< score > threshold enters; -inf lets all in, NaN is refused.
  std::span<const std::int32_t> max_detections;  ///< At least 0.
  std::span<const std::uint8_t> class_agnostic;  ///< Non-zero: boxes of different classes suppress each other.

  /// [B * C] row-major: score > threshold of the row's class is needed as well; NaN is refused.
  std::span<const float> class_score_thresholds = {};
  /// [B * C] row-major, non-zero = allowed: rows of other classes do not take part.
  std::span<const std::uint8_t> class_filter = {};
  /// C of the two above; where one is given, all of `classes` must lie in [0, C).
  std::size_t class_count = 0;
  /// At least 0: of the rows that pass all of the above, only so many take part, the best by score, then lower row.
  std::span<const std::int32_t> max_candidates = {};
  /// At least 0: at most so many of each class stay, where `class_agnostic` of all together.
  std::span<const std::int32_t> max_per_class = {};
};

struct NmsScratch;

/// Memory of `nms`, reused across calls; one per caller.
class NmsWorkspace {
 public:
  NmsWorkspace();
  ~NmsWorkspace();
  NmsWorkspace(NmsWorkspace&&) noexcept;
  NmsWorkspace& operator=(NmsWorkspace&&) noexcept;

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
