#pragma once

#include <cstddef>
#include <cstdint>

#include "isa.h"

namespace framecast::kernels {

/// Rows of a mask that is resized bilinearly and compared with a threshold.
///
/// Pixel x of row y lies in a cell between four values of the source: its rows r = row_first[y] and r + 1, and its
/// columns c and c + 1, where cell_begin[c] <= x < cell_begin[c + 1]; the last row and the last column count twice. It
/// is mask where (1 - w[x]) * v[c] + w[x] * v[c + 1] > threshold, in float32 as written, w being column_weights and
/// v[i] = (1 - row_weights[y]) * upper[i] + row_weights[y] * lower[i].
struct UpsampledRows {
  const float* source;  ///< [source_rows * stride], each row read up to the next multiple of kUpsampledBlock.
  std::size_t stride;
  std::size_t source_rows;
  std::size_t cells;              ///< Columns of the source.
  const std::int32_t* row_first;  ///< [rows]
  const float* row_weights;       ///< [rows]
  std::size_t rows;
  const std::uint32_t* cell_begin;  ///< [cells + 1]; the last is the width.
  const float* column_weights;      ///< [width], and kUpsampledBlock more may be read.
  float threshold;
  float sure_above;      ///< Between two finite values above it, no rounding can put a pixel below the threshold;
  float sure_below;      ///< and between two that are not above this, none can put it above.
  float* values;         ///< [kUpsampledRows * upsampled_room(cells + 1)], scratch.
  std::uint64_t* above;  ///< [kUpsampledRows * (cells / 64 + 1)], scratch.
};

inline constexpr std::size_t kUpsampledBlock = 16;
/// So many rows are interpolated before they are looked at: what was just written is slow to read in other pieces.
inline constexpr std::size_t kUpsampledRows = 16;

inline std::size_t upsampled_room(std::size_t values) {
  return (values + kUpsampledBlock - 1) / kUpsampledBlock * kUpsampledBlock;
}

/// Writes to `ends`, row after row, the columns where runs of mask begin and end, in turn: at most width + 1 per row,
/// and room for one more; to row_ends[y], how many there are up to the end of row y.
using UpsampleRows = void (*)(const UpsampledRows& rows, std::uint32_t* ends, std::size_t* row_ends);
void upsample_rows_scalar(const UpsampledRows& rows, std::uint32_t* ends, std::size_t* row_ends);

#if defined(__x86_64__)
void upsample_rows_avx2(const UpsampledRows& rows, std::uint32_t* ends, std::size_t* row_ends);
void upsample_rows_avx512(const UpsampledRows& rows, std::uint32_t* ends, std::size_t* row_ends);
#elif defined(__aarch64__)
void upsample_rows_neon(const UpsampledRows& rows, std::uint32_t* ends, std::size_t* row_ends);
#endif

inline UpsampleRows upsample_rows_kernel(Isa isa) {
#if defined(__x86_64__)
  if (isa == Isa::avx512) return upsample_rows_avx512;
  if (isa == Isa::avx2) return upsample_rows_avx2;
#elif defined(__aarch64__)
  if (isa == Isa::neon) return upsample_rows_neon;
#endif
  static_cast<void>(isa);
  return upsample_rows_scalar;
}

}  // namespace framecast::kernels
