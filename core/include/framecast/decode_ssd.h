#pragma once

#include <array>

#include "framecast/anchor_head.h"
#include "framecast/candidates.h"
#include "framecast/decode_workspace.h"
#include "framecast/thread_pool.h"

namespace framecast {

/// Decodes the boxes of an SSD head whose score passes; `nms` is the caller's next step.
///
/// As torchvision's SSD.postprocess_detections before its NMS: softmax over C + 1 columns, background first and then
/// removed (classes count from 0), per class the top_k highest, boxes from (dx, dy, dw, dh) / box_weights (dw, dh
/// clamped at log(1000 / 16)), clipped to the image.
/// Candidates come by class and falling score, ties by anchor; sources[k] is the anchor, from 0 in each image. A row
/// with a NaN or +inf logit takes no place among the top; a box with a NaN does, and is dropped.
/// Images are shared among the threads of `pool`, where there is one.
/// Throws std::invalid_argument, naming the argument, where lengths or values do not fit.
void decode_ssd(const AnchorHeadOutputs& outputs, const AnchorHeadSettings& settings,
                const std::array<float, 4>& box_weights, Candidates& out, DecodeWorkspace& workspace,
                ThreadPool* pool = nullptr);

}  // namespace framecast
