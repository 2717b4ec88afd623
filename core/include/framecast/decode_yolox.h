#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "framecast/candidates.h"
#include "framecast/class_selection.h"
#include "framecast/decode_workspace.h"
#include "framecast/tensor.h"
#include "framecast/thread_pool.h"

namespace framecast {

/// A YOLOX head's single output and constants.
struct YoloxHead {
  Tensor output;                          ///< [B, N, 5 + C]: x, y, w, h raw; objectness and classes already sigmoid.
  std::span<const std::int32_t> strides;  ///< [L], pixels per cell, positive.
  std::size_t batch;                      ///< B
  std::size_t positions;                  ///< N = sum over the strides of (height / s) * (width / s).
  std::size_t classes;                    ///< C
  std::size_t height;                     ///< Network input, pixels; a multiple of every stride.
  std::size_t width;
};

/// Decodes the boxes of a YOLOX head whose score passes, in network-input pixels.
///
/// xy = (v + cell) * stride, wh = exp(v) * stride, score = objectness * class. Source: YOLOX (Ge et al., 2021).
/// Candidates come by level, y, x and class. The best class is the highest, ties to the lower class.
/// The objectness itself must be above the threshold too, as it is wherever class scores are at most 1.
/// A NaN score never passes; a position with a non-finite box is dropped.
/// Images are shared among the threads of `pool`, where there is one.
/// Throws std::invalid_argument, naming the argument, where lengths or values do not fit.
void decode_yolox(const YoloxHead& head, const ClassSelection& selection, Candidates& out, DecodeWorkspace& workspace,
                  ThreadPool* pool = nullptr);

}  // namespace framecast
