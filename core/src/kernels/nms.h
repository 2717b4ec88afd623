#pragma once

#include <cstddef>
#include <cstdint>

#include "framecast/box.h"
#include "isa.h"

namespace framecast::kernels {

/// Boxes kept so far in one group, a column per coordinate.
struct BoxColumns {
  float* x1;
  float* y1;
  float* x2;
  float* y2;
  float* area;
  std::size_t count;
};

/// True if the IoU of `box` with any of the columns' boxes is above the threshold, which is at least 0.
using OverlapsAny = bool (*)(const BoxColumns& kept, const Box& box, float area, float threshold);
bool overlaps_any_scalar(const BoxColumns& kept, const Box& box, float area, float threshold);

/// Writes the rows, in rising order, whose score is above the threshold; `out` has room for `count`. Returns how many.
using RowsAbove = std::size_t (*)(const float* scores, std::size_t count, float threshold, std::uint32_t* out);
std::size_t rows_above_scalar(const float* scores, std::size_t count, float threshold, std::uint32_t* out);

/// A share s such that IoU > threshold, as the kernels round it, implies inter >= s * (area_a + area_b) of float32.
///
/// IoU > t means inter > t / (1 + t) * (area_a + area_b). The margin is far above the rounding of the few operations
/// on both sides; a product that underflows is safe as well, for rounding keeps the order of inter and the product.
inline float least_share(float threshold) { return threshold / (1 + threshold) * 0.9999f; }

#if defined(__x86_64__)
bool overlaps_any_avx2(const BoxColumns& kept, const Box& box, float area, float threshold);
bool overlaps_any_avx512(const BoxColumns& kept, const Box& box, float area, float threshold);
std::size_t rows_above_avx2(const float* scores, std::size_t count, float threshold, std::uint32_t* out);
std::size_t rows_above_avx512(const float* scores, std::size_t count, float threshold, std::uint32_t* out);
#endif

struct NmsKernels {
  OverlapsAny overlaps_any;
  RowsAbove rows_above;
};

inline NmsKernels nms_kernels(Isa isa) {
#if defined(__x86_64__)
  if (isa == Isa::avx512) return {overlaps_any_avx512, rows_above_avx512};
  if (isa == Isa::avx2) return {overlaps_any_avx2, rows_above_avx2};
#endif
  static_cast<void>(isa);
  return {overlaps_any_scalar, rows_above_scalar};
}

}  // namespace framecast::kernels
