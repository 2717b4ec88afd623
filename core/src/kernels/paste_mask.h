#pragma once

#include <cstddef>
#include <cstdint>

#include "isa.h"

namespace framecast::kernels {

/// One row of a soft mask to be resized across and compared with a threshold.
struct PastedRow {
  const float* values;          ///< Of the mask's row; kPastedValues may be read.
  const std::uint32_t* first;   ///< Per pixel: its left value.
  const std::uint32_t* second;  ///< Its right value.
  const float* weights;         ///< Of the right value.
  std::size_t width;            ///< Pixels; of the three arrays above kPastedBlock - 1 more may be read.
  float threshold;
  std::uint8_t* out;  ///< 1 where (1 - weight) * left + weight * right > threshold, else 0.
};

inline constexpr std::size_t kPastedValues = 32;
inline constexpr std::size_t kPastedBlock = 16;

using PasteRow = void (*)(const PastedRow& row);
void paste_row_scalar(const PastedRow& row);

#if defined(__x86_64__)
void paste_row_avx2(const PastedRow& row);

/// For rows of at most kPastedValues values.
void paste_row_avx512(const PastedRow& row);
#endif

inline PasteRow paste_row_kernel(Isa isa, std::size_t value_count) {
#if defined(__x86_64__)
  if (isa == Isa::avx512 && value_count <= kPastedValues) return paste_row_avx512;
  if (isa == Isa::avx512 || isa == Isa::avx2) return paste_row_avx2;
#endif
  static_cast<void>(isa);
  static_cast<void>(value_count);
  return paste_row_scalar;
}

}  // namespace framecast::kernels
