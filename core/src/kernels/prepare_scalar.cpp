#include "kernels/prepare.h"

namespace framecast::kernels {

void resize_row_scalar(const std::uint8_t* row, const std::size_t* columns, const float* weights, std::size_t width,
                       float* out) {
  for (std::size_t x = 0; x < width; ++x) {
    const std::uint8_t* left = row + columns[2 * x];
    const std::uint8_t* right = row + columns[2 * x + 1];
    const float weight = weights[x];
    for (std::size_t c = 0; c < 3; ++c) {
      out[c * width + x] = (1 - weight) * static_cast<float>(left[c]) + weight * static_cast<float>(right[c]);
    }
  }
}

void blend_rows_scalar(const float* upper, const float* lower, float weight, bool round_to_uint8, float gain,
                       float bias, std::size_t width, float* out) {
  if (round_to_uint8) {
    // Values are in [0, 255], where truncation is floor.
    for (std::size_t x = 0; x < width; ++x) {
      const float value = (1 - weight) * upper[x] + weight * lower[x];
      out[x] = static_cast<float>(static_cast<std::int32_t>(value + 0.5f)) * gain + bias;
    }
  } else {
    for (std::size_t x = 0; x < width; ++x) {
      out[x] = ((1 - weight) * upper[x] + weight * lower[x]) * gain + bias;
    }
  }
}

}  // namespace framecast::kernels
