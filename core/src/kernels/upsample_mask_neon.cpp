#if defined(__aarch64__)

#include <arm_neon.h>

#include <limits>

#include "kernels/upsample_mask.h"

#define FRAMECAST_TARGET

namespace framecast::kernels {
namespace {

constexpr float kLargest = std::numeric_limits<float>::max();
constexpr std::size_t kValueBlock = 4;
constexpr std::uint32_t kCellBlock = 8;

inline std::uint32_t bits(uint32x4_t lanes) {
  constexpr std::uint32_t kBits[] = {1, 2, 4, 8};
  return vaddvq_u32(vandq_u32(lanes, vld1q_u32(kBits)));
}

// Multiplied and added in two steps: vmla may be fused, which would change the last bit.
inline float32x4_t between(float32x4_t rest, float32x4_t from, float32x4_t weight, float32x4_t to) {
  return vaddq_f32(vmulq_f32(rest, from), vmulq_f32(weight, to));
}

class Lerp {
 public:
  Lerp(const UpsampledRows& rows, const float* upper, const float* lower, float weight)
      : rows_(rows), upper_(upper), lower_(lower), rest_(vdupq_n_f32(1 - weight)), weight_(vdupq_n_f32(weight)) {}

  std::uint32_t at(std::size_t i, std::uint32_t& unsure) const {
    const float32x4_t value = between(rest_, vld1q_f32(upper_ + i), weight_, vld1q_f32(lower_ + i));
    vst1q_f32(rows_.values + i, value);
    const uint32x4_t finite = vcleq_f32(vabsq_f32(value), vdupq_n_f32(kLargest));
    const uint32x4_t above = vcgtq_f32(value, vdupq_n_f32(rows_.sure_above));
    const uint32x4_t below = vcleq_f32(value, vdupq_n_f32(rows_.sure_below));
    unsure |= ~vminvq_u32(vandq_u32(finite, vorrq_u32(above, below)));
    return bits(above);
  }

 private:
  const UpsampledRows& rows_;
  const float* upper_;
  const float* lower_;
  float32x4_t rest_;
  float32x4_t weight_;
};

inline std::uint32_t cell_bits(const UpsampledRows& rows, std::size_t c, std::uint32_t x) {
  const float32x4_t left = vdupq_n_f32(rows.values[c]), right = vdupq_n_f32(rows.values[c + 1]);
  const float32x4_t one = vdupq_n_f32(1), threshold = vdupq_n_f32(rows.threshold);
  const float32x4_t first = vld1q_f32(rows.column_weights + x), second = vld1q_f32(rows.column_weights + x + 4);
  const std::uint32_t low = bits(vcgtq_f32(between(vsubq_f32(one, first), left, first, right), threshold));
  const std::uint32_t high = bits(vcgtq_f32(between(vsubq_f32(one, second), left, second, right), threshold));
  return low | high << 4;
}

}  // namespace
}  // namespace framecast::kernels

#include "kernels/upsample_mask_cells.h"

namespace framecast::kernels {

void upsample_rows_neon(const UpsampledRows& rows, std::uint32_t* ends, std::size_t* row_ends) {
  follow_rows(rows, ends, row_ends);
}

}  // namespace framecast::kernels

#endif
