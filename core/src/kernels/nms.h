#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>

#include "framecast/box.h"
#include "isa.h"

namespace framecast::kernels {

/// 64 boxes by columns, each on cache lines of its own; `code` is their corners on a coarse grid (see src/box_code.h).
struct alignas(64) CodedBoxes {
  float x1[64];
  float y1[64];
  float x2[64];
  float y2[64];
  float area[64];  ///< Infinite where a side is not above 0: such a box overlaps none.
  std::uint32_t code[64];
};

/// A share s such that IoU > threshold, as the kernels round it, implies inter >= s * (area_a + area_b) of float32.
///
/// IoU > t means inter > t / (1 + t) * (area_a + area_b). The margin is far above the rounding of the few operations
/// on both sides; a product that underflows is safe as well, for rounding keeps the order of inter and the product.
inline float least_share(float threshold) { return threshold / (1 + threshold) * 0.9999f; }

/// The threshold of the IoU, and two shares that save the division, which decides, nearly always.
///
/// Where inter is above `sure_share` of the areas, with a margin as that of `least_share`, the IoU is above the
/// threshold. A quotient could underflow where the threshold is tiny, so that nothing is sure then.
struct OverlapLimit {
  OverlapLimit() = default;
  explicit OverlapLimit(float t)
      : threshold(t),
        least_share(kernels::least_share(t)),
        sure_share(t < 0.01f ? std::numeric_limits<float>::infinity() : t / (1 + t) * 1.0001f) {}

  float threshold = 0;  ///< At least 0.
  float least_share = 0;
  float sure_share = 0;
};

/// Of the codes, byte by byte: only a box with code - low <= span in each can overlap enough.
struct CodeSpan {
  std::uint32_t low = 0;
  std::uint32_t span = 0xffffffffu;
};

/// Clears the bits in [begin, end) of `left`, a word per block, of boxes whose IoU with the box `at` is above the
/// limit.
///
/// Returns how many those are.
using StrikeAny = std::size_t (*)(const CodedBoxes* blocks, std::size_t begin, std::size_t end, std::size_t at,
                                  const OverlapLimit& limit, std::uint64_t* left);
std::size_t strike_any_scalar(const CodedBoxes* blocks, std::size_t begin, std::size_t end, std::size_t at,
                              const OverlapLimit& limit, std::uint64_t* left);

/// The same, where boxes whose codes lie outside the span are known not to overlap enough.
using StrikeNear = std::size_t (*)(const CodedBoxes* blocks, std::size_t begin, std::size_t end, std::size_t at,
                                   const OverlapLimit& limit, CodeSpan span, std::uint64_t* left);
std::size_t strike_near_scalar(const CodedBoxes* blocks, std::size_t begin, std::size_t end, std::size_t at,
                               const OverlapLimit& limit, CodeSpan span, std::uint64_t* left);

/// The bits of a word of `left` that lie in [begin, end).
inline std::uint64_t bits_within(std::size_t word, std::size_t begin, std::size_t end) {
  std::uint64_t bits = ~std::uint64_t{0};
  if (word * 64 < begin) bits <<= begin % 64;
  if (word * 64 + 64 > end) bits &= (std::uint64_t{1} << end % 64) - 1;
  return bits;
}

/// Keys of candidates: how many, and bounds of their upper halves.
struct Keys {
  std::size_t count = 0;
  std::uint32_t lowest = std::numeric_limits<std::uint32_t>::max();
  std::uint32_t highest = 0;
};

/// Writes falling_key(score) << 32 | row for the rows, in rising order, whose score is above the threshold.
///
/// `out` has room for `count` keys.
using KeysAbove = Keys (*)(const float* scores, std::size_t count, float threshold, std::uint64_t* out);
Keys keys_above_scalar(const float* scores, std::size_t count, float threshold, std::uint64_t* out);

#if defined(__x86_64__)
std::size_t strike_any_avx2(const CodedBoxes* blocks, std::size_t begin, std::size_t end, std::size_t at,
                            const OverlapLimit& limit, std::uint64_t* left);
std::size_t strike_any_avx512(const CodedBoxes* blocks, std::size_t begin, std::size_t end, std::size_t at,
                              const OverlapLimit& limit, std::uint64_t* left);
std::size_t strike_near_avx2(const CodedBoxes* blocks, std::size_t begin, std::size_t end, std::size_t at,
                             const OverlapLimit& limit, CodeSpan span, std::uint64_t* left);
std::size_t strike_near_avx512(const CodedBoxes* blocks, std::size_t begin, std::size_t end, std::size_t at,
                               const OverlapLimit& limit, CodeSpan span, std::uint64_t* left);
Keys keys_above_avx2(const float* scores, std::size_t count, float threshold, std::uint64_t* out);
Keys keys_above_avx512(const float* scores, std::size_t count, float threshold, std::uint64_t* out);
#elif defined(__aarch64__)
std::size_t strike_any_neon(const CodedBoxes* blocks, std::size_t begin, std::size_t end, std::size_t at,
                            const OverlapLimit& limit, std::uint64_t* left);
std::size_t strike_near_neon(const CodedBoxes* blocks, std::size_t begin, std::size_t end, std::size_t at,
                             const OverlapLimit& limit, CodeSpan span, std::uint64_t* left);
#endif

struct NmsKernels {
  StrikeAny strike_any;
  StrikeNear strike_near;
  KeysAbove keys_above;
};

inline NmsKernels nms_kernels(Isa isa) {
#if defined(__x86_64__)
  if (isa == Isa::avx512) return {strike_any_avx512, strike_near_avx512, keys_above_avx512};
  if (isa == Isa::avx2) return {strike_any_avx2, strike_near_avx2, keys_above_avx2};
#elif defined(__aarch64__)
  if (isa == Isa::neon) return {strike_any_neon, strike_near_neon, keys_above_scalar};
#endif
  static_cast<void>(isa);
  return {strike_any_scalar, strike_near_scalar, keys_above_scalar};
}

}  // namespace framecast::kernels
