#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "half.h"

namespace framecast::kernels {

/// A column's weight is an integer out of 2^23, as fine as a float32's; times a byte it stays below 2^31.
inline constexpr int kWeightBits = 23;
inline constexpr std::uint32_t kWeightOne = 1u << kWeightBits;

/// How a kernel collects the two pixels of each of its columns from an image row.
enum class Gather : std::uint8_t {
  pixels,  ///< One by one: the plain kernel.
  words,   ///< 8 bytes per column, at least as many in a row; 8 columns (AVX2) or 4 (NEON) at a time.
  pairs,   ///< As words, 16 bytes per two columns.
  line,    ///< 16 columns from 64 bytes, at least as many in a row (AVX-512).
  window,  ///< 16 columns from 128 bytes; the next two from two and four times 128.
  two_windows,
  four_windows,
};

/// Where a sample of a plane lies among the pixels of the image, along one axis.
enum class Siting : std::uint8_t {
  pixel,    ///< Each pixel has one.
  first,    ///< One for two pixels, at the first of them.
  between,  ///< One for two pixels, between them.
};

/// What a table of columns is made from.
struct ColumnRule {
  std::size_t image_width = 0;
  std::size_t plane_width = 0;
  std::size_t width = 0;  ///< Columns of the region.
  std::size_t pixel_bytes = 0;
  Siting siting = Siting::pixel;
  bool mirrored = false;
  Gather gather = Gather::pixels;
  std::size_t block = 1;    ///< Columns per block.
  std::size_t aligned = 0;  ///< Where the second block begins, less than a block from 0; 0: behind the first.

  bool operator==(const ColumnRule&) const = default;
};

/// From where in an image row, and with which weights, each column of the region is made.
struct ColumnTable {
  ColumnRule rule;
  std::vector<std::uint32_t> left;     ///< Byte offset of the left pixel.
  std::vector<std::uint32_t> right;    ///< And of the right one.
  std::vector<std::uint32_t> weights;  ///< Of the right pixel.
  bool coarse = false;                 ///< All weights are multiples of 2^-10.

  // Per block of columns; the last one, and the second, may overlap those before them and write the same again.
  std::vector<std::uint32_t> starts;  ///< First column.
  std::vector<std::uint32_t> loads;   ///< Offsets of the bytes to load: one per window, pair or column.
  std::vector<std::uint8_t> index;    ///< Where in these bytes the pixels lie, as the kernel wants it.
  std::vector<std::uint32_t> high;    ///< Weights left | right << 16, their upper 14 bits; NEON: left.
  std::vector<std::uint32_t> low;     ///< Their lower 9 bits; NEON: right.
};

/// Two neighbouring rows of a plane of the image, to be blended.
struct PlaneRows {
  const std::uint8_t* upper;
  const std::uint8_t* lower;
  float weight;  ///< Of `lower`.
  const ColumnTable* columns;
};

/// The planes that hold an image's channels.
enum class Source : std::uint8_t {
  interleaved,  ///< Three channels of one plane.
  gray,
  yuv_planes,
  yuv_interleaved,  ///< Y, and UV.
};

/// What makes RGB of YUV, in float32: luma = y_scale * (y - y_offset), and these times (u - 128) and (v - 128).
struct YuvToRgb {
  float y_scale;
  float y_offset;
  float red_v;
  float green_u;  ///< Subtracted, as green_v.
  float green_v;
  float blue_u;
};

/// One row of the region, resized both ways, converted and normalised, all three channels in one pass.
///
/// Every kernel computes, in this order: across = left * (2^23 - weight) + right * weight exactly and rounded to
/// float32; value = across(upper) * ((1 - w) / 2^23) + across(lower) * (w / 2^23); the conversion from YUV and its
/// limits; floor(value + 0.5) where asked for; value * gain + bias.
struct PreparedRow {
  Source source;
  PlaneRows planes[3];
  std::size_t width;
  YuvToRgb yuv;
  bool round_to_uint8;
  float gain[3];  ///< Per channel of the image.
  float bias[3];
  float* out[3];
};

/// Whether the weights of the row and of its columns have so few bits that integers hold all of a value.
inline bool are_coarse(const PreparedRow& row) {
  const std::size_t planes = row.source == Source::yuv_planes ? 3 : row.source == Source::yuv_interleaved ? 2 : 1;
  for (std::size_t i = 0; i < planes; ++i) {
    const float lower = row.planes[i].weight * 64;
    if (!row.planes[i].columns->coarse || lower != static_cast<float>(static_cast<int>(lower))) return false;
  }
  return true;
}

/// A coarse row's weights out of 64, in two bytes: upper, lower.
inline short coarse_weights(float weight) {
  const int lower = static_cast<int>(weight * 64);
  return static_cast<short>(lower << 8 | (64 - lower));
}

/// A row of values that becomes elements of the output.
struct StoredRow {
  const float* values[3];  ///< Per output channel.
  std::size_t width;
};

/// The kernels of one instruction set.
struct PrepareKernels {
  void (*prepare_row)(const PreparedRow&);
  void (*store_halves)(const float* values, std::size_t width, Half* out);
  void (*store_bytes)(const float* values, std::size_t width, std::uint8_t* out);
  void (*interleave_floats)(const StoredRow& row, float* out);
  void (*interleave_halves)(const StoredRow& row, Half* out);
  void (*interleave_bytes)(const StoredRow& row, std::uint8_t* out);
  /// Repeats the first kFillPeriod bytes of the pattern; it must go on for kFillPattern.
  void (*fill)(const std::uint8_t* pattern, std::size_t bytes, std::uint8_t* out);
};

inline constexpr std::size_t kFillPeriod = 192;
inline constexpr std::size_t kFillPattern = kFillPeriod + 64;
inline constexpr std::size_t kWindowBytes = 128;
inline constexpr std::size_t kLineBytes = 64;
inline constexpr std::size_t kPairBytes = 16;
inline constexpr std::size_t kWordBytes = 8;

extern const PrepareKernels kPrepareScalar;
#if defined(__x86_64__)
extern const PrepareKernels kPrepareAvx2;    ///< Gathers words and pairs.
extern const PrepareKernels kPrepareAvx512;  ///< Gathers lines and windows.
#endif
#if defined(__aarch64__)
extern const PrepareKernels kPrepareNeon;  ///< Gathers words and pairs.
#endif

/// Rounded half up and cut to [0, 255].
inline std::uint8_t to_byte(float value) {
  const float rounded = value + 0.5f;
  if (rounded >= 255) return 255;
  return rounded > 0 ? static_cast<std::uint8_t>(rounded) : std::uint8_t{0};
}

}  // namespace framecast::kernels
