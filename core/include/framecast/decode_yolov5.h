#pragma once

#include <cstddef>
#include <span>

#include "framecast/candidates.h"
#include "framecast/class_selection.h"
#include "framecast/decode_workspace.h"
#include "framecast/tensor.h"
#include "framecast/thread_pool.h"

namespace framecast {

/// One output level of a YOLOv5 head: raw logits [B, A * (5 + C), height, width].
struct Yolov5Level {
  Tensor logits;
  std::size_t height;
  std::size_t width;
};

/// A prior box, in network-input pixels. Laid out as a row of a float32 [L, A, 2] array.
struct Anchor {
  float width;
  float height;
};

/// A YOLOv5 head's outputs and constants.
struct Yolov5Head {
  std::span<const Yolov5Level> levels;  ///< [L]
  std::span<const Anchor> anchors;      ///< [L * A], level-major.
  std::span<const float> strides;       ///< [L], pixels per cell, positive.
  std::size_t batch;                    ///< B
  std::size_t channels;                 ///< A * (5 + C): per anchor x, y, w, h, objectness, then C classes.
};

/// Decodes the boxes of a YOLOv5 (v6) head whose score passes, in network-input pixels.
///
/// xy = (2 sigmoid - 0.5 + cell) * stride, wh = (2 sigmoid)^2 * anchor, score = sigmoid(obj) * sigmoid(class).
/// Source: the published definition of the head (Ultralytics YOLOv5 6.0), written anew. Candidates come by level,
/// anchor, y, x and class. The best class is the one of the highest logit, ties to the lower class.
/// A NaN logit never passes; a position with a non-finite box is dropped.
/// Images are shared among the threads of `pool`, where there is one.
/// Throws std::invalid_argument, naming the argument, where lengths or values do not fit.
void decode_yolov5(const Yolov5Head& head, const ClassSelection& selection, Candidates& out, DecodeWorkspace& workspace,
                   ThreadPool* pool = nullptr);

}  // namespace framecast
