#pragma once

#include <span>
#include <vector>

#include "framecast/box.h"
#include "framecast/thread_pool.h"

namespace framecast {

/// Memory of `box_iou`, reused across calls; one per caller.
struct BoxIouWorkspace {
  std::vector<float> columns[5];
};

/// Pairwise intersection over union of boxes.
///
/// Writes out[i * b.size() + j], float32 in torchvision's order of operations: inter / (area_a + area_b - inter),
/// widths and heights clamped at 0. It is 0 for a pair that shares nothing, for a box of no area and where a number
/// is NaN; rounding may take it one step above 1. Rows of `a` are shared among the threads of `pool`.
/// Throws std::invalid_argument unless out.size() == a.size() * b.size().
void box_iou(std::span<const Box> a, std::span<const Box> b, std::span<float> out, BoxIouWorkspace& workspace,
             ThreadPool* pool = nullptr);

}  // namespace framecast
