#pragma once

#include <cstddef>

#include "framecast/box.h"

namespace framecast::kernels {

/// Boxes kept so far in one group, a column per coordinate.
struct BoxColumns {
  float* x1;
  float* y1;
  float* x2;
  float* y2;
  float* area;
  std::size_t count;
};

/// True if the IoU of `box` with any of the columns' boxes is above the threshold.
bool overlaps_any_scalar(const BoxColumns& kept, const Box& box, float area, float threshold);

}  // namespace framecast::kernels
