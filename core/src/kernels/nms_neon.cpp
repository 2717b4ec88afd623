#if defined(__aarch64__)

#include <arm_neon.h>

#include <bit>

#include "kernels/nms.h"

namespace framecast::kernels {
namespace {

constexpr std::size_t kBlock = 4;

/// A bit for each lane that is all ones.
inline std::uint32_t bits_of(uint32x4_t lanes) {
  static constexpr std::uint32_t kBits[4] = {1, 2, 4, 8};
  return vaddvq_u32(vandq_u32(lanes, vld1q_u32(kBits)));
}

/// A bit for each of the 4 boxes from `i` on that overlaps the box `at` too much.
inline std::uint32_t overlaps(const CodedBoxes& block, std::size_t i, const CodedBoxes& own, std::size_t at,
                              const OverlapLimit& limit) {
  const float32x4_t zero = vdupq_n_f32(0);
  // The "number" forms take the other operand for NaN, as comparisons do in the reference.
  const float32x4_t width = vmaxnmq_f32(zero, vsubq_f32(vminq_f32(vld1q_f32(block.x2 + i), vdupq_n_f32(own.x2[at])),
                                                        vmaxq_f32(vld1q_f32(block.x1 + i), vdupq_n_f32(own.x1[at]))));
  const float32x4_t height = vmaxnmq_f32(zero, vsubq_f32(vminq_f32(vld1q_f32(block.y2 + i), vdupq_n_f32(own.y2[at])),
                                                         vmaxq_f32(vld1q_f32(block.y1 + i), vdupq_n_f32(own.y1[at]))));
  const float32x4_t inter = vmulq_f32(width, height);
  const float32x4_t areas = vaddq_f32(vld1q_f32(block.area + i), vdupq_n_f32(own.area[at]));
  const uint32x4_t maybe = vcgeq_f32(inter, vmulq_n_f32(areas, limit.least_share));
  if (vmaxvq_u32(maybe) == 0) return 0;
  const uint32x4_t sure = vcgtq_f32(inter, vmulq_n_f32(areas, limit.sure_share));
  if (vmaxvq_u32(veorq_u32(maybe, sure)) == 0) return bits_of(sure);
  const float32x4_t iou = vdivq_f32(inter, vsubq_f32(areas, inter));
  return bits_of(vcgtq_f32(iou, vdupq_n_f32(limit.threshold)));
}

/// A bit for each of 64 codes that lies in the window.
inline std::uint64_t near(const std::uint32_t* codes, uint8x16_t low, uint8x16_t span) {
  std::uint64_t bits = 0;
  for (std::size_t j = 0; j < 64; j += 4 * kBlock) {
    uint32x4_t within[4];
    for (std::size_t k = 0; k < 4; ++k) {
      const uint8x16_t code = vreinterpretq_u8_u32(vld1q_u32(codes + j + k * kBlock));
      within[k] = vceqzq_u32(vreinterpretq_u32_u8(vqsubq_u8(vsubq_u8(code, low), span)));
    }
    const uint16x8_t first = vcombine_u16(vmovn_u32(within[0]), vmovn_u32(within[1]));
    const uint16x8_t second = vcombine_u16(vmovn_u32(within[2]), vmovn_u32(within[3]));
    static constexpr std::uint8_t kBits[16] = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
    const uint8x16_t lanes = vandq_u8(vcombine_u8(vmovn_u16(first), vmovn_u16(second)), vld1q_u8(kBits));
    const std::uint64_t sixteen = vaddv_u8(vget_low_u8(lanes)) | std::uint64_t{vaddv_u8(vget_high_u8(lanes))} << 8;
    bits |= sixteen << j;
  }
  return bits;
}

inline std::size_t strike(const CodedBoxes* blocks, std::size_t word, std::uint64_t bits, std::size_t at,
                          const OverlapLimit& limit, std::uint64_t* left) {
  std::uint64_t gone = 0;
  for (std::size_t j = 0; j < 64; j += kBlock) {
    if ((bits >> j & 0xf) == 0) continue;
    gone |= std::uint64_t{overlaps(blocks[word], j, blocks[at / 64], at % 64, limit)} << j;
  }
  gone &= bits;
  left[word] ^= gone;
  return static_cast<std::size_t>(std::popcount(gone));
}

}  // namespace

std::size_t strike_any_neon(const CodedBoxes* blocks, std::size_t begin, std::size_t end, std::size_t at,
                            const OverlapLimit& limit, std::uint64_t* left) {
  std::size_t struck = 0;
  for (std::size_t word = begin / 64; word * 64 < end; ++word) {
    const std::uint64_t bits = left[word] & bits_within(word, begin, end);
    if (bits != 0) struck += strike(blocks, word, bits, at, limit, left);
  }
  return struck;
}

std::size_t strike_near_neon(const CodedBoxes* blocks, std::size_t begin, std::size_t end, std::size_t at,
                             const OverlapLimit& limit, CodeSpan span, std::uint64_t* left) {
  const uint8x16_t low = vreinterpretq_u8_u32(vdupq_n_u32(span.low));
  const uint8x16_t width = vreinterpretq_u8_u32(vdupq_n_u32(span.span));
  std::size_t struck = 0;
  for (std::size_t word = begin / 64; word * 64 < end; ++word) {
    const std::uint64_t within = left[word] & bits_within(word, begin, end);
    if (within == 0) continue;
    const std::uint64_t bits = within & near(blocks[word].code, low, width);
    if (bits != 0) struck += strike(blocks, word, bits, at, limit, left);
  }
  return struck;
}

}  // namespace framecast::kernels

#endif
