#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "framecast/anchor_head.h"
#include "framecast/candidates.h"
#include "framecast/decode_workspace.h"
#include "framecast/thread_pool.h"

namespace framecast {

/// Decodes the boxes of a RetinaNet head whose score passes; `nms` is the caller's next step.
///
/// As torchvision's RetinaNet.postprocess_detections before its NMS: score = sigmoid(logit) per anchor and class (C
/// columns), per level the top_k highest, boxes from (dx, dy, dw, dh) / box_weights (dw, dh clamped at log(1000 / 16)),
/// clipped to the image. `level_sizes` [L] are the anchors per level and sum to N.
/// Candidates come by level and falling score, ties by anchor and class; sources[k] is the anchor, from 0 in each
/// image. A NaN logit takes no place among the top; a box with a NaN does, and is dropped.
/// Images are shared among the threads of `pool`, where there is one.
/// Throws std::invalid_argument, naming the argument, where lengths or values do not fit.
void decode_retinanet(const AnchorHeadOutputs& outputs, std::span<const std::int64_t> level_sizes,
                      const AnchorHeadSettings& settings, const std::array<float, 4>& box_weights, Candidates& out,
                      DecodeWorkspace& workspace, ThreadPool* pool = nullptr);

}  // namespace framecast
