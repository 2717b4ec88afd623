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

/// One row of the region from two image rows, resized both ways, normalised, all three channels in one pass.
///
/// The same operations in the same order as the two functions above, so the same bits.
struct PreparedRow {
  const std::uint8_t* upper;
  const std::uint8_t* lower;
  std::size_t row_bytes;         ///< Of each image row; nothing behind them is read. At least kPreparedRowBytes.
  const std::uint32_t* offsets;  ///< Of the left pixel in bytes; never falling. The right pixel is the next one.
  const float* weights;          ///< Of the right pixel; 0 where there is none.
  std::size_t width;             ///< Columns of the region; at least kPreparedRowWidth.
  float weight;                  ///< Of `lower`.
  bool round_to_uint8;
  float* out[3];  ///< Per channel of the image, as gain and bias.
  float gain[3];
  float bias[3];
};

inline constexpr std::size_t kPreparedRowWidth = 16;
inline constexpr std::size_t kPreparedRowBytes = 9;

#if defined(__x86_64__)
void prepare_row_avx2(const PreparedRow& row);

/// Any kPreparedRowWidth neighbouring columns must need at most kPreparedRowReach bytes of an image row.
void prepare_row_avx512(const PreparedRow& row);

inline constexpr std::size_t kPreparedRowReach = 128;
#endif

}  // namespace framecast::kernels
