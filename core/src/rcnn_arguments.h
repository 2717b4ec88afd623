#pragma once

#include <array>
#include <cmath>
#include <span>

#include "argument.h"
#include "framecast/image_size.h"

namespace framecast {

inline void require_image_sizes(std::span<const ImageSize> sizes) {
  for (const ImageSize& size : sizes) {
    require(std::isfinite(size.height) && std::isfinite(size.width) && size.height > 0 && size.width > 0,
            "image_sizes: must be positive");
  }
}

inline void require_box_coding(float min_size, const std::array<float, 4>& weights) {
  require(std::isfinite(min_size), "min_size: must be finite");
  for (float weight : weights) require(std::isfinite(weight) && weight > 0, "box_weights: must be positive");
}

}  // namespace framecast
