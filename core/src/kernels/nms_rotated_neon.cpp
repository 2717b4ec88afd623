#if defined(__aarch64__)

#include <arm_neon.h>

#include "kernels/nms_rotated.h"

namespace framecast::kernels {
namespace {

// NEON's own minimum and maximum treat NaN in another way than the reference does.
float64x2_t lesser(float64x2_t a, float64x2_t b) { return vbslq_f64(vcltq_f64(a, b), a, b); }
float64x2_t greater(float64x2_t a, float64x2_t b) { return vbslq_f64(vcgtq_f64(a, b), a, b); }

/// `edge_integral` of the scalar kernel for two edges.
float64x2_t edge_integrals(float64x2_t x0, float64x2_t y0, float64x2_t x1, float64x2_t y1, double half_width,
                           double half_height) {
  const float64x2_t zero = vdupq_n_f64(0);
  const float64x2_t top = vdupq_n_f64(half_height), bottom = vdupq_n_f64(-half_height);
  const uint64x2_t backwards = vcltq_f64(x1, x0);
  const float64x2_t left = vbslq_f64(backwards, x1, x0), right = vbslq_f64(backwards, x0, x1);
  const float64x2_t left_y = vbslq_f64(backwards, y1, y0), right_y = vbslq_f64(backwards, y0, y1);
  const float64x2_t from = greater(left, vdupq_n_f64(-half_width)), to = lesser(right, vdupq_n_f64(half_width));
  const float64x2_t length = vsubq_f64(to, from);
  const float64x2_t slope = vdivq_f64(vsubq_f64(right_y, left_y), vsubq_f64(right, left));
  const float64x2_t from_y = vaddq_f64(left_y, vmulq_f64(slope, vsubq_f64(from, left)));
  const float64x2_t to_y = vaddq_f64(left_y, vmulq_f64(slope, vsubq_f64(to, left)));
  const float64x2_t low = lesser(from_y, to_y), high = greater(from_y, to_y);
  const float64x2_t below = greater(vsubq_f64(lesser(high, bottom), low), zero);
  const float64x2_t above = greater(vsubq_f64(high, greater(low, top)), zero);
  const float64x2_t low_inside = lesser(greater(low, bottom), top), high_inside = lesser(greater(high, bottom), top);
  const float64x2_t weighted = vaddq_f64(
      vmulq_f64(top, vsubq_f64(above, below)),
      vmulq_f64(vmulq_f64(vdupq_n_f64(0.5), vaddq_f64(low_inside, high_inside)), vsubq_f64(high_inside, low_inside)));
  const float64x2_t mean = vbslq_f64(vcgtq_f64(high, low), vdivq_f64(weighted, vsubq_f64(high, low)), low_inside);
  const float64x2_t integral = vmulq_f64(length, mean);
  const float64x2_t signed_integral = vbslq_f64(backwards, vnegq_f64(integral), integral);
  return vbslq_f64(vcgtq_f64(length, zero), signed_integral, zero);
}

}  // namespace

std::uint64_t may_overlap_neon(const BoxColumns& kept, std::size_t begin, const Box& bounds, float area, float share) {
  const std::size_t count = std::min<std::size_t>(64, kept.count - begin);
  const float32x4_t x1 = vdupq_n_f32(bounds.x1), y1 = vdupq_n_f32(bounds.y1);
  const float32x4_t x2 = vdupq_n_f32(bounds.x2), y2 = vdupq_n_f32(bounds.y2);
  const float32x4_t own_area = vdupq_n_f32(area), least = vdupq_n_f32(share);
  const uint32x4_t weights = {1, 2, 4, 8};
  std::uint64_t bits = 0;
  std::size_t i = 0;
  for (; i + 4 <= count; i += 4) {
    const std::size_t k = begin + i;
    const float32x4_t width = vsubq_f32(vminq_f32(vld1q_f32(kept.x2 + k), x2), vmaxq_f32(vld1q_f32(kept.x1 + k), x1));
    const float32x4_t height = vsubq_f32(vminq_f32(vld1q_f32(kept.y2 + k), y2), vmaxq_f32(vld1q_f32(kept.y1 + k), y1));
    const float32x4_t limit = vmulq_f32(least, vaddq_f32(vld1q_f32(kept.area + k), own_area));
    const uint32x4_t meet = vandq_u32(vcgtzq_f32(width), vcgtzq_f32(height));
    const uint32x4_t maybe = vandq_u32(meet, vcgeq_f32(vmulq_f32(width, height), limit));
    bits |= std::uint64_t{vaddvq_u32(vandq_u32(maybe, weights))} << i;
  }
  if (i < count) bits |= may_overlap_scalar(kept, begin + i, bounds, area, share) << i;
  return bits;
}

double overlap_area_neon(const OrientedBox& a, const OrientedBox& b, const RelativeBox& b_in_a) {
  const double ux = b_in_a.cos * b.half_width, uy = b_in_a.sin * b.half_width;
  const double vx = -b_in_a.sin * b.half_height, vy = b_in_a.cos * b.half_height;
  const double plus_x = ux + vx, plus_y = uy + vy, minus_x = ux - vx, minus_y = uy - vy;
  const double first_x[2] = {plus_x, -minus_x}, first_y[2] = {plus_y, -minus_y};
  const float64x2_t x = vdupq_n_f64(b_in_a.x), y = vdupq_n_f64(b_in_a.y);
  // Corners 0 and 1, and 2 and 3, which lie opposite.
  const float64x2_t x01 = vaddq_f64(x, vld1q_f64(first_x)), y01 = vaddq_f64(y, vld1q_f64(first_y));
  const float64x2_t x23 = vsubq_f64(x, vld1q_f64(first_x)), y23 = vsubq_f64(y, vld1q_f64(first_y));
  const float64x2_t edges01 =
      edge_integrals(x01, y01, vextq_f64(x01, x23, 1), vextq_f64(y01, y23, 1), a.half_width, a.half_height);
  const float64x2_t edges23 =
      edge_integrals(x23, y23, vextq_f64(x23, x01, 1), vextq_f64(y23, y01, 1), a.half_width, a.half_height);
  return bounded_area(vaddvq_f64(vaddq_f64(edges01, edges23)), a, b);
}

}  // namespace framecast::kernels

#endif
