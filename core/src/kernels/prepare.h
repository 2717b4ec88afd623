#pragma once

#include <cstddef>
#include <cstdint>

namespace framecast::kernels {

/// Resizes one image row across: out[c][x] of `width` columns each.
///
/// columns[2 x] and columns[2 x + 1] are the byte offsets of the left and the right pixel, weights[x] that of the
/// right.
void resize_row_scalar(const std::uint8_t* row, const std::size_t* columns, const float* weights, std::size_t width,
                       float* out);

/// Blends two resized rows, (1 - weight) * upper + weight * lower, and applies gain and bias.
void blend_rows_scalar(const float* upper, const float* lower, float weight, bool round_to_uint8, float gain,
                       float bias, std::size_t width, float* out);

}  // namespace framecast::kernels
