#pragma once

#include <cstddef>

#include "framecast/candidates.h"
#include "framecast/class_selection.h"
#include "framecast/decode_workspace.h"
#include "framecast/tensor.h"
#include "framecast/thread_pool.h"

namespace framecast {

/// Boxes and scores that a network's graph has decoded itself, as exported YOLO graphs have them.
///
/// A position has D numbers: x, y (the centre), width and height in pixels, the objectness where there is one, the
/// scores of C classes, and any others, which are not looked at (mask coefficients, for instance).
struct DetectionHead {
  Tensor output;          ///< [B, N, D], or [B, D, N] where `channels_first`.
  std::size_t batch;      ///< B
  std::size_t positions;  ///< N
  std::size_t channels;   ///< D
  std::size_t classes;    ///< C
  bool objectness;        ///< YOLOv5's 1 x 25200 x 85 has it, YOLOv8's 1 x 84 x 8400 does not.
  bool channels_first;
};

/// Selects the boxes whose score passes and turns them into corners: x1 = x - width / 2 and so on.
///
/// score = objectness * class, or the class alone. The objectness itself must be above the threshold too, as it is
/// wherever class scores are at most 1. Candidates come by position and class; sources[k] is the position, from 0 in
/// each image. The best class is the highest, ties to the lower class.
/// A NaN score never passes; a position with a non-finite box is dropped.
/// Images are shared among the threads of `pool`, where there is one.
/// Throws std::invalid_argument, naming the argument, where lengths or values do not fit.
void decode_detections(const DetectionHead& head, const ClassSelection& selection, Candidates& out,
                       DecodeWorkspace& workspace, ThreadPool* pool = nullptr);

}  // namespace framecast
