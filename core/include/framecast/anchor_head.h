#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "framecast/box.h"
#include "framecast/image_size.h"
#include "framecast/tensor.h"

namespace framecast {

/// The outputs of a one-stage head over N anchors per image.
struct AnchorHeadOutputs {
  Tensor class_logits;                     ///< [B * N * columns]; the decoder says what the columns are.
  Tensor deltas;                           ///< [B * N * 4]; the decoder says what they mean.
  std::span<const Box> anchors;            ///< [N], network-input pixels, shared by the batch.
  std::span<const ImageSize> image_sizes;  ///< [B], what boxes are clipped to.
  std::size_t classes;                     ///< C, without a background.
};

/// What each image of the batch asks for.
struct AnchorHeadSettings {
  std::span<const float> score_thresholds;     ///< [B]; score > threshold enters. Must not be NaN.
  std::span<const std::uint8_t> class_filter;  ///< [B * C], non-zero = allowed; empty = every class.
  std::int64_t top_k;                          ///< How many are kept of what the decoder ranks; at least 0.
};

}  // namespace framecast
