#if defined(__aarch64__)

#include <arm_neon.h>

#include "kernels/box_iou.h"

namespace framecast::kernels {
namespace {

constexpr std::size_t kBlock = 4;

struct Overlap {
  float32x4_t inter;
  float32x4_t areas;
};

/// What the four columns from `i` on share with the box.
inline Overlap overlap_with(const BoxColumns& columns, std::size_t i, const Box& box, float area) {
  const float32x4_t zero = vdupq_n_f32(0);
  const float32x4_t right = vminq_f32(vld1q_f32(columns.x2 + i), vdupq_n_f32(box.x2));
  const float32x4_t left = vmaxq_f32(vld1q_f32(columns.x1 + i), vdupq_n_f32(box.x1));
  const float32x4_t bottom = vminq_f32(vld1q_f32(columns.y2 + i), vdupq_n_f32(box.y2));
  const float32x4_t top = vmaxq_f32(vld1q_f32(columns.y1 + i), vdupq_n_f32(box.y1));
  const float32x4_t width = vmaxq_f32(zero, vsubq_f32(right, left));
  const float32x4_t height = vmaxq_f32(zero, vsubq_f32(bottom, top));
  return {vmulq_f32(width, height), vaddq_f32(vld1q_f32(columns.area + i), vdupq_n_f32(area))};
}

inline float32x4_t iou_of(const Overlap& overlap) {
  return vdivq_f32(overlap.inter, vsubq_f32(overlap.areas, overlap.inter));
}

BoxColumns columns_from(const BoxColumns& columns, std::size_t i) {
  return {columns.x1 + i, columns.y1 + i, columns.x2 + i, columns.y2 + i, columns.area + i, columns.count - i};
}

}  // namespace

void iou_row_neon(const BoxColumns& columns, const Box& box, float area, float* out) {
  std::size_t i = 0;
  for (; i + kBlock <= columns.count; i += kBlock) {
    const float32x4_t iou = iou_of(overlap_with(columns, i, box, area));
    vst1q_f32(out + i, vbslq_f32(vcgtzq_f32(iou), iou, vdupq_n_f32(0)));
  }
  iou_row_scalar(columns_from(columns, i), box, area, out + i);
}

std::size_t ious_above_neon(const BoxColumns& columns, std::size_t begin, const Box& box, float area, float threshold,
                            std::uint32_t* rows, float* ious) {
  const float32x4_t share = vdupq_n_f32(least_share(threshold)), limit = vdupq_n_f32(threshold);
  std::size_t found = 0;
  std::size_t i = begin;
  for (; i + kBlock <= columns.count; i += kBlock) {
    const Overlap overlap = overlap_with(columns, i, box, area);
    // Few get past this, so that the division, which decides, is rare.
    const uint32x4_t maybe =
        vandq_u32(vcgtzq_f32(overlap.inter), vcgeq_f32(overlap.inter, vmulq_f32(overlap.areas, share)));
    if (vmaxvq_u32(maybe) == 0) continue;
    const float32x4_t iou = iou_of(overlap);
    float values[kBlock];
    std::uint32_t above[kBlock];
    vst1q_f32(values, iou);
    vst1q_u32(above, vandq_u32(maybe, vcgtq_f32(iou, limit)));
    for (std::size_t lane = 0; lane < kBlock; ++lane) {
      rows[found] = static_cast<std::uint32_t>(i + lane);
      ious[found] = values[lane];
      found += above[lane] & 1;
    }
  }
  return found + ious_above_scalar(columns, i, box, area, threshold, rows + found, ious + found);
}

}  // namespace framecast::kernels

#endif
