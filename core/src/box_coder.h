#pragma once

#include <algorithm>
#include <array>
#include <cmath>

#include "framecast/box.h"
#include "framecast/image_size.h"
#include "framecast/tensor.h"
#include "values.h"

namespace framecast {

/// Row `row` of a tensor of (dx, dy, dw, dh).
inline std::array<float, 4> delta_at(const Tensor& deltas, std::size_t row) {
  std::array<float, 4> delta;
  with_values(deltas, [&](const auto& values) {
    for (std::size_t i = 0; i < 4; ++i) delta[i] = values[4 * row + i];
  });
  return delta;
}

/// Decodes (dx, dy, dw, dh) against a reference box in float32, in the order of torchvision's BoxCoder.decode_single.
inline Box decode_delta(const float* delta, const Box& reference, const std::array<float, 4>& weights) {
  static const float kLargestLogScale = static_cast<float>(std::log(1000.0 / 16));
  const float width = reference.x2 - reference.x1;
  const float height = reference.y2 - reference.y1;
  const float center_x = delta[0] / weights[0] * width + (reference.x1 + 0.5f * width);
  const float center_y = delta[1] / weights[1] * height + (reference.y1 + 0.5f * height);
  const float half_width = 0.5f * (std::exp(std::min(delta[2] / weights[2], kLargestLogScale)) * width);
  const float half_height = 0.5f * (std::exp(std::min(delta[3] / weights[3], kLargestLogScale)) * height);
  return {center_x - half_width, center_y - half_height, center_x + half_width, center_y + half_height};
}

/// Clips to [0, width] x [0, height]; NaN stays NaN.
inline Box clip(const Box& box, const ImageSize& size) {
  return {std::clamp(box.x1, 0.0f, size.width), std::clamp(box.y1, 0.0f, size.height),
          std::clamp(box.x2, 0.0f, size.width), std::clamp(box.y2, 0.0f, size.height)};
}

/// False for a box narrower or lower than `min_size`, or with a NaN.
inline bool at_least(const Box& box, float min_size) {
  return box.x2 - box.x1 >= min_size && box.y2 - box.y1 >= min_size;
}

}  // namespace framecast
