#if defined(__aarch64__)

#include <arm_neon.h>

#include "kernels/score_scan.h"

namespace framecast::kernels {
namespace {

/// A block as float32.
struct Sixteen {
  float32x4_t part[4];
};

Sixteen load(const Values<float>& values, std::size_t first) {
  const float* at = values.data + first;
  return {{vld1q_f32(at), vld1q_f32(at + 4), vld1q_f32(at + 8), vld1q_f32(at + 12)}};
}

Sixteen load(const Values<Half>& values, std::size_t first) {
  const auto* at = reinterpret_cast<const std::uint16_t*>(values.data + first);
  const float16x8_t low = vreinterpretq_f16_u16(vld1q_u16(at));
  const float16x8_t high = vreinterpretq_f16_u16(vld1q_u16(at + 8));
  return {{vcvt_f32_f16(vget_low_f16(low)), vcvt_high_f32_f16(low), vcvt_f32_f16(vget_low_f16(high)),
           vcvt_high_f32_f16(high)}};
}

Sixteen dequantize(int16x8_t low, int16x8_t high, float scale, float zero_point) {
  Sixteen block{{vcvtq_f32_s32(vmovl_s16(vget_low_s16(low))), vcvtq_f32_s32(vmovl_high_s16(low)),
                 vcvtq_f32_s32(vmovl_s16(vget_low_s16(high))), vcvtq_f32_s32(vmovl_high_s16(high))}};
  for (float32x4_t& part : block.part) {
    part = vmulq_f32(vsubq_f32(part, vdupq_n_f32(zero_point)), vdupq_n_f32(scale));
  }
  return block;
}

Sixteen load(const Values<std::int8_t>& values, std::size_t first) {
  const int8x16_t stored = vld1q_s8(values.data + first);
  return dequantize(vmovl_s8(vget_low_s8(stored)), vmovl_high_s8(stored), values.scale, values.zero_point);
}

Sixteen load(const Values<std::uint8_t>& values, std::size_t first) {
  const uint8x16_t stored = vld1q_u8(values.data + first);
  return dequantize(vreinterpretq_s16_u16(vmovl_u8(vget_low_u8(stored))), vreinterpretq_s16_u16(vmovl_high_u8(stored)),
                    values.scale, values.zero_point);
}

/// A bit per lane, lane 0 lowest.
unsigned reached(const Sixteen& values, const Sixteen& bounds) {
  uint16x4_t part[4];
  for (int i = 0; i < 4; ++i) part[i] = vmovn_u32(vcgeq_f32(values.part[i], bounds.part[i]));
  const uint8x16_t lanes =
      vcombine_u8(vmovn_u16(vcombine_u16(part[0], part[1])), vmovn_u16(vcombine_u16(part[2], part[3])));
  const uint8x8_t weights = vcreate_u8(0x8040201008040201u);
  return static_cast<unsigned>(vaddv_u8(vand_u8(vget_low_u8(lanes), weights))) |
         static_cast<unsigned>(vaddv_u8(vand_u8(vget_high_u8(lanes), weights))) << 8;
}

template <typename T>
void mark(const Values<T>& given, std::size_t count, float bound, std::uint64_t* marks) {
  const Values<T> values = given;
  const float32x4_t least = vdupq_n_f32(bound);
  const Sixteen bounds{{least, least, least, least}};
  for (std::size_t begin = 0; begin < count; begin += 64) {
    std::uint64_t word = 0;
    std::size_t i = begin;
    for (; i < begin + 64 && i + kScanBlock <= count; i += kScanBlock) {
      word |= std::uint64_t{reached(load(values, i), bounds)} << (i - begin);
    }
    if (i < begin + 64 && i < count) word |= mark_few(values, i, count, bound) << (i - begin);
    marks[begin / 64] = word;
  }
}

template <typename T>
std::size_t find(const Values<T>& given, const ScanBlocks& blocks, std::uint32_t* slots) {
  const Values<T> plane = given;
  std::size_t found = 0;
  for (std::size_t block = 0; block < blocks.count; ++block) {
    const std::size_t start = blocks.starts[block];
    if (start + kScanBlock > blocks.end) {
      found += find_in_block(plane, blocks, block, slots + found);
      continue;
    }
    unsigned above = reached(load(plane, start), load(Values<float>{blocks.bounds}, block * kScanBlock));
    for (; above != 0; above &= above - 1) {
      slots[found++] = static_cast<std::uint32_t>(block * kScanBlock) + static_cast<unsigned>(__builtin_ctz(above));
    }
  }
  return found;
}

}  // namespace

template <typename T>
ScoreScan<T> score_scan_neon() {
  return {mark<T>, find<T>};
}

template ScoreScan<float> score_scan_neon();
template ScoreScan<Half> score_scan_neon();
template ScoreScan<std::int8_t> score_scan_neon();
template ScoreScan<std::uint8_t> score_scan_neon();

}  // namespace framecast::kernels

#endif
