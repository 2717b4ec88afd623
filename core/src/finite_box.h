#pragma once

#include <cmath>

#include "framecast/box.h"

namespace framecast {

inline bool is_finite(const Box& box) {
  return std::isfinite(box.x1) && std::isfinite(box.y1) && std::isfinite(box.x2) && std::isfinite(box.y2);
}

}  // namespace framecast
