#if defined(__aarch64__)

#include <arm_neon.h>

#include <cstring>

#include "kernels/prepare.h"

#define FRAMECAST_TARGET
#define FRAMECAST_INLINE __attribute__((always_inline)) inline

namespace framecast::kernels {
namespace {

using Floats = float32x4_t;
constexpr std::size_t kLanes = 4;

FRAMECAST_INLINE Floats broadcast(float value) { return vdupq_n_f32(value); }
FRAMECAST_INLINE Floats add(Floats a, Floats b) { return vaddq_f32(a, b); }
FRAMECAST_INLINE Floats sub(Floats a, Floats b) { return vsubq_f32(a, b); }
FRAMECAST_INLINE Floats mul(Floats a, Floats b) { return vmulq_f32(a, b); }
FRAMECAST_INLINE Floats min(Floats a, Floats b) { return vminq_f32(a, b); }
FRAMECAST_INLINE Floats max(Floats a, Floats b) { return vmaxq_f32(a, b); }
FRAMECAST_INLINE Floats truncate(Floats value) { return vcvtq_f32_s32(vcvtq_s32_f32(value)); }
FRAMECAST_INLINE Floats load(const float* values) { return vld1q_f32(values); }

FRAMECAST_INLINE uint16x4_t to_halves(Floats values) { return vreinterpret_u16_f16(vcvt_f16_f32(values)); }
FRAMECAST_INLINE uint8x8_t to_bytes(Floats values) {
  const Floats inside = min(broadcast(255), max(broadcast(0), add(values, broadcast(0.5f))));
  const uint16x4_t words = vmovn_u32(vcvtq_u32_f32(inside));
  return vmovn_u16(vcombine_u16(words, words));
}

FRAMECAST_INLINE void store(float* out, Floats values) { vst1q_f32(out, values); }
FRAMECAST_INLINE void store(Half* out, Floats values) {
  vst1_u16(reinterpret_cast<std::uint16_t*>(out), to_halves(values));
}
FRAMECAST_INLINE void store(std::uint8_t* out, Floats values) {
  const uint8x8_t bytes = to_bytes(values);
  std::memcpy(out, &bytes, kLanes);
}

FRAMECAST_INLINE void interleave(Floats a, Floats b, Floats c, float* out) { vst3q_f32(out, float32x4x3_t{{a, b, c}}); }
FRAMECAST_INLINE void interleave(Floats a, Floats b, Floats c, Half* out) {
  vst3_u16(reinterpret_cast<std::uint16_t*>(out), uint16x4x3_t{{to_halves(a), to_halves(b), to_halves(c)}});
}
FRAMECAST_INLINE void interleave(Floats a, Floats b, Floats c, std::uint8_t* out) {
  std::uint8_t bytes[24];
  vst3_u8(bytes, uint8x8x3_t{{to_bytes(a), to_bytes(b), to_bytes(c)}});
  std::memcpy(out, bytes, 3 * kLanes);
}

using Line = uint8x16x4_t;
FRAMECAST_INLINE Line load_line(const std::uint8_t* bytes) {
  return {{vld1q_u8(bytes), vld1q_u8(bytes + 16), vld1q_u8(bytes + 32), vld1q_u8(bytes + 48)}};
}
FRAMECAST_INLINE void store_line(std::uint8_t* out, const Line& line) {
  for (int i = 0; i < 4; ++i) vst1q_u8(out + 16 * i, line.val[i]);
}

/// 4 columns of two rows of a plane, 8 bytes of each or 16 of two.
///
/// The table's index has a look-up for the left pixels and one for the right ones, which puts their bytes into lanes of
/// 32 bits. The weights of the left pixels are `high`, those of the right ones `low`.
template <bool in_pairs>
class Columns {
 public:
  FRAMECAST_INLINE explicit Columns(const PlaneRows& plane)
      : plane_(plane),
        upper_weight_(broadcast((1 - plane.weight) * kUnit)),
        lower_weight_(broadcast(plane.weight * kUnit)) {}

  FRAMECAST_INLINE void load(std::size_t block) {
    const ColumnTable& columns = *plane_.columns;
    const std::uint32_t* loads = columns.loads.data() + block * (in_pairs ? kLanes / 2 : kLanes);
    upper_ = load_words(plane_.upper, loads);
    lower_ = load_words(plane_.lower, loads);
    const std::uint8_t* index = columns.index.data() + block * 8 * kLanes;
    left_ = vld1q_u8(index);
    right_ = vld1q_u8(index + 16);
    left_weight_ = vld1q_u32(columns.high.data() + block * kLanes);
    right_weight_ = vld1q_u32(columns.low.data() + block * kLanes);
  }

  FRAMECAST_INLINE Floats value(int channel) const {
    const uint8x16_t step = vdupq_n_u8(static_cast<std::uint8_t>(channel));
    const uint8x16_t left = vaddq_u8(left_, step);
    const uint8x16_t right = vaddq_u8(right_, step);
    return add(mul(across(upper_, left, right), upper_weight_), mul(across(lower_, left, right), lower_weight_));
  }

 private:
  static constexpr float kUnit = 1.0f / static_cast<float>(kWeightOne);

  FRAMECAST_INLINE static uint8x16x2_t load_words(const std::uint8_t* row, const std::uint32_t* loads) {
    if constexpr (in_pairs) return {{vld1q_u8(row + loads[0]), vld1q_u8(row + loads[1])}};
    return {{vcombine_u8(vld1_u8(row + loads[0]), vld1_u8(row + loads[1])),
             vcombine_u8(vld1_u8(row + loads[2]), vld1_u8(row + loads[3]))}};
  }

  FRAMECAST_INLINE Floats across(const uint8x16x2_t& words, uint8x16_t left, uint8x16_t right) const {
    const uint32x4_t left_pixels = vreinterpretq_u32_u8(vqtbl2q_u8(words, left));
    const uint32x4_t right_pixels = vreinterpretq_u32_u8(vqtbl2q_u8(words, right));
    return vcvtq_f32_u32(vmlaq_u32(vmulq_u32(left_pixels, left_weight_), right_pixels, right_weight_));
  }

  const PlaneRows plane_;
  const Floats upper_weight_;
  const Floats lower_weight_;
  uint8x16x2_t upper_;
  uint8x16x2_t lower_;
  uint8x16_t left_;
  uint8x16_t right_;
  uint32x4_t left_weight_;
  uint32x4_t right_weight_;
};

#include "kernels/prepare_row.h"

void prepare_row(const PreparedRow& row) {
  if (row.planes[0].columns->rule.gather == Gather::pixels) return kPrepareScalar.prepare_row(row);
  if (row.planes[0].columns->rule.gather == Gather::pairs) return prepare_row_with<Columns<true>>(row);
  prepare_row_with<Columns<false>>(row);
}

}  // namespace

const PrepareKernels kPrepareNeon{prepare_row,       store_halves,     store_bytes, interleave_floats,
                                  interleave_halves, interleave_bytes, fill};

}  // namespace framecast::kernels

#endif
