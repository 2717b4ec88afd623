#pragma once

#include <cstddef>

namespace framecast::kernels {

/// Boxes, a column per coordinate.
struct BoxColumns {
  float* x1;
  float* y1;
  float* x2;
  float* y2;
  float* area;
  std::size_t count;
};

}  // namespace framecast::kernels
