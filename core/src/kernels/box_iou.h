#pragma once

#include <cstddef>
#include <cstdint>

#include "framecast/box.h"
#include "isa.h"
#include "kernels/box_columns.h"
#include "kernels/nms.h"

namespace framecast::kernels {

/// Writes the IoU of `box` with every column's box to `out`; 0 where it is not a number, for want of area or else.
using IouRow = void (*)(const BoxColumns& columns, const Box& box, float area, float* out);
void iou_row_scalar(const BoxColumns& columns, const Box& box, float area, float* out);

/// Writes the columns from `begin` on whose IoU with `box` is above the threshold, at least 0, in rising order to
/// `rows` and the IoU to `ious`; both have room for all columns. Returns how many. Coordinates must be finite.
using IousAbove = std::size_t (*)(const BoxColumns& columns, std::size_t begin, const Box& box, float area,
                                  float threshold, std::uint32_t* rows, float* ious);
std::size_t ious_above_scalar(const BoxColumns& columns, std::size_t begin, const Box& box, float area, float threshold,
                              std::uint32_t* rows, float* ious);

#if defined(__x86_64__)
void iou_row_avx2(const BoxColumns& columns, const Box& box, float area, float* out);
void iou_row_avx512(const BoxColumns& columns, const Box& box, float area, float* out);
std::size_t ious_above_avx2(const BoxColumns& columns, std::size_t begin, const Box& box, float area, float threshold,
                            std::uint32_t* rows, float* ious);
std::size_t ious_above_avx512(const BoxColumns& columns, std::size_t begin, const Box& box, float area, float threshold,
                              std::uint32_t* rows, float* ious);
#endif
#if defined(__aarch64__)
void iou_row_neon(const BoxColumns& columns, const Box& box, float area, float* out);
std::size_t ious_above_neon(const BoxColumns& columns, std::size_t begin, const Box& box, float area, float threshold,
                            std::uint32_t* rows, float* ious);
#endif

struct BoxIouKernels {
  IouRow iou_row;
  IousAbove ious_above;
};

inline BoxIouKernels box_iou_kernels(Isa isa) {
#if defined(__x86_64__)
  if (isa == Isa::avx512) return {iou_row_avx512, ious_above_avx512};
  if (isa == Isa::avx2) return {iou_row_avx2, ious_above_avx2};
#endif
#if defined(__aarch64__)
  if (isa == Isa::neon) return {iou_row_neon, ious_above_neon};
#endif
  static_cast<void>(isa);
  return {iou_row_scalar, ious_above_scalar};
}

/// Sets one column of the boxes.
inline void set_column(const BoxColumns& columns, std::size_t at, const Box& box, float area) {
  columns.x1[at] = box.x1;
  columns.y1[at] = box.y1;
  columns.x2[at] = box.x2;
  columns.y2[at] = box.y2;
  columns.area[at] = area;
}

inline float area_of(const Box& box) { return (box.x2 - box.x1) * (box.y2 - box.y1); }

}  // namespace framecast::kernels
