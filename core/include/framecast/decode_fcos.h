#pragma once

#include <cstdint>
#include <span>

#include "framecast/anchor_head.h"
#include "framecast/candidates.h"
#include "framecast/decode_workspace.h"
#include "framecast/tensor.h"
#include "framecast/thread_pool.h"

namespace framecast {

/// Decodes the boxes of an FCOS head whose score passes; `nms` is the caller's next step.
///
/// As torchvision's FCOS.postprocess_detections before its NMS: score = sqrt(sigmoid(logit) * sigmoid(centerness)) per
/// anchor and class (C columns; `centerness` [B * N] logits), per level the top_k highest, boxes from the distances
/// (left, top, right, bottom) of the anchor's centre in units of its width and height, clipped to the image.
/// `level_sizes` [L] are the anchors per level and sum to N.
/// Candidates come by level and falling score, ties by anchor and class; sources[k] is the anchor, from 0 in each
/// image. A NaN logit or centerness takes no place among the top; a box with a NaN does, and is dropped.
/// Images are shared among the threads of `pool`, where there is one.
/// Throws std::invalid_argument, naming the argument, where lengths or values do not fit.
void decode_fcos(const AnchorHeadOutputs& outputs, const Tensor& centerness, std::span<const std::int64_t> level_sizes,
                 const AnchorHeadSettings& settings, Candidates& out, DecodeWorkspace& workspace,
                 ThreadPool* pool = nullptr);

}  // namespace framecast
