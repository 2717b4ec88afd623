#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "framecast/box.h"
#include "framecast/candidates.h"
#include "framecast/decode_workspace.h"
#include "framecast/image_size.h"
#include "framecast/tensor.h"
#include "framecast/thread_pool.h"

namespace framecast {

/// The outputs of an R-CNN box head for the proposals of a batch of images.
struct BoxHeadOutputs {
  Tensor class_logits;                     ///< [P * (C + 1)], background first.
  Tensor deltas;                           ///< [P * (C + 1) * 4]: dx, dy, dw, dh per class.
  std::span<const Box> proposals;          ///< [P], network-input pixels.
  std::span<const std::int64_t> splits;    ///< [B + 1], image b owns proposals splits[b] to splits[b + 1].
  std::span<const ImageSize> image_sizes;  ///< [B], what boxes are clipped to.
  std::size_t classes;                     ///< C, without the background.
};

struct BoxSettings {
  std::span<const float> score_thresholds;     ///< [B]; softmax > threshold enters. Must not be NaN.
  std::span<const std::uint8_t> class_filter;  ///< [B * C], non-zero = allowed; empty = every class.
  float min_size;                              ///< Pixels; a narrower or lower box is dropped after clipping.
  std::array<float, 4> box_weights;            ///< What dx, dy, dw, dh are divided by.
};

/// Decodes the per-class boxes of an R-CNN head whose score passes; `nms` is the caller's next step.
///
/// As torchvision's RoIHeads.postprocess_detections before its NMS: softmax, background removed (classes count from
/// 0), boxes decoded (dw, dh clamped at log(1000 / 16)) and clipped, small ones dropped. Candidates come by proposal
/// and class; sources[k] is the proposal row of candidate k. A row with a NaN or +inf logit has no candidates.
/// Images are shared among the threads of `pool`, where there is one.
/// Throws std::invalid_argument, naming the argument, where lengths or values do not fit.
void decode_boxes(const BoxHeadOutputs& outputs, const BoxSettings& settings, Candidates& out,
                  DecodeWorkspace& workspace, ThreadPool* pool = nullptr);

}  // namespace framecast
