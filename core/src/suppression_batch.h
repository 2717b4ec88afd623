#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

#include "argument.h"

namespace framecast {

/// What the suppressions and the fusion of boxes ask of a batch's rows.
inline void require_rows(std::size_t rows, std::span<const float> scores, std::span<const std::int32_t> classes,
                         std::span<const std::int64_t> splits) {
  require(scores.size() == rows, "scores: must have one entry per box");
  require(classes.size() == rows, "classes: must have one entry per box");
  require_splits(splits, rows, "splits");
  require(rows <= std::numeric_limits<std::uint32_t>::max(), "boxes: must be fewer than 2^32");
}

inline void require_iou_thresholds(std::span<const float> values, std::size_t images) {
  require(values.size() == images, "iou_thresholds: must have one entry per image");
  for (float value : values) require(value >= 0 && value <= 1, "iou_thresholds: must be in [0, 1]");
}

inline void require_score_thresholds(std::span<const float> values, std::size_t images) {
  require(values.size() == images, "score_thresholds: must have one entry per image");
  require_no_nan(values, "score_thresholds: must not be NaN");
}

inline void require_max_detections(std::span<const std::int32_t> values, std::size_t images) {
  require(values.size() == images, "max_detections: must have one entry per image");
  for (auto value : values) require(value >= 0, "max_detections: must not be negative");
}

inline void require_class_agnostic(std::span<const std::uint8_t> values, std::size_t images) {
  require(values.size() == images, "class_agnostic: must have one entry per image");
}

/// Turns counts into offsets: `kept_splits[b + 1]` is how many entries image b has.
inline void add_up(std::span<std::int64_t> kept_splits) {
  kept_splits[0] = 0;
  for (std::size_t b = 1; b < kept_splits.size(); ++b) kept_splits[b] += kept_splits[b - 1];
}

/// Moves what each image wrote from `splits[b]` on to where its part of the result begins.
template <typename T>
void close_gaps(std::span<T> values, std::span<const std::int64_t> splits, std::span<const std::int64_t> kept_splits) {
  for (std::size_t b = 0; b + 1 < splits.size(); ++b) {
    std::copy_n(values.data() + splits[b], kept_splits[b + 1] - kept_splits[b], values.data() + kept_splits[b]);
  }
}

}  // namespace framecast
