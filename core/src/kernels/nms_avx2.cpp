#if defined(__x86_64__)

#include <immintrin.h>

#include <algorithm>

#include "kernels/falling_key.h"
#include "kernels/nms.h"

#define FRAMECAST_AVX2 __attribute__((target("avx2")))

namespace framecast::kernels {
namespace {

constexpr std::size_t kBlock = 8;

/// A bit for each of the 8 boxes from `i` on that overlaps the box `at` too much.
FRAMECAST_AVX2 inline unsigned overlaps(const CodedBoxes& block, std::size_t i, const CodedBoxes& own, std::size_t at,
                                        const OverlapLimit& limit) {
  const __m256 zero = _mm256_setzero_ps();
  auto load = [i](const float* column) FRAMECAST_AVX2 { return _mm256_load_ps(column + i); };
  const __m256 width = _mm256_max_ps(zero, _mm256_sub_ps(_mm256_min_ps(load(block.x2), _mm256_set1_ps(own.x2[at])),
                                                         _mm256_max_ps(load(block.x1), _mm256_set1_ps(own.x1[at]))));
  const __m256 height = _mm256_max_ps(zero, _mm256_sub_ps(_mm256_min_ps(load(block.y2), _mm256_set1_ps(own.y2[at])),
                                                          _mm256_max_ps(load(block.y1), _mm256_set1_ps(own.y1[at]))));
  const __m256 inter = _mm256_mul_ps(width, height);
  const __m256 areas = _mm256_add_ps(load(block.area), _mm256_set1_ps(own.area[at]));
  const __m256 least = _mm256_mul_ps(areas, _mm256_set1_ps(limit.least_share));
  const __m256 enough = _mm256_mul_ps(areas, _mm256_set1_ps(limit.sure_share));
  const int maybe = _mm256_movemask_ps(_mm256_cmp_ps(inter, least, _CMP_GE_OQ));
  const int sure = _mm256_movemask_ps(_mm256_cmp_ps(inter, enough, _CMP_GT_OQ));
  if (maybe == sure) return static_cast<unsigned>(sure);
  const __m256 iou = _mm256_div_ps(inter, _mm256_sub_ps(areas, inter));
  return static_cast<unsigned>(_mm256_movemask_ps(_mm256_cmp_ps(iou, _mm256_set1_ps(limit.threshold), _CMP_GT_OQ)));
}

/// A bit for each of 64 codes that lies in the window.
FRAMECAST_AVX2 inline std::uint64_t near(const std::uint32_t* codes, __m256i low, __m256i span) {
  const __m256i zero = _mm256_setzero_si256();
  std::uint64_t bits = 0;
  for (std::size_t j = 0; j < 64; j += kBlock) {
    const __m256i code = _mm256_load_si256(reinterpret_cast<const __m256i*>(codes + j));
    const __m256i within = _mm256_cmpeq_epi32(_mm256_subs_epu8(_mm256_sub_epi8(code, low), span), zero);
    bits |= std::uint64_t{static_cast<unsigned>(_mm256_movemask_ps(_mm256_castsi256_ps(within)))} << j;
  }
  return bits;
}

FRAMECAST_AVX2 inline std::size_t strike(const CodedBoxes* blocks, std::size_t word, std::uint64_t bits, std::size_t at,
                                         const OverlapLimit& limit, std::uint64_t* left) {
  std::uint64_t gone = 0;
  for (std::size_t j = 0; j < 64; j += kBlock) {
    if ((bits >> j & 0xff) != 0) gone |= std::uint64_t{overlaps(blocks[word], j, blocks[at / 64], at % 64, limit)} << j;
  }
  gone &= bits;
  left[word] ^= gone;
  return static_cast<std::size_t>(__builtin_popcountll(gone));
}

}  // namespace

FRAMECAST_AVX2 std::size_t strike_any_avx2(const CodedBoxes* blocks, std::size_t begin, std::size_t end, std::size_t at,
                                           const OverlapLimit& limit, std::uint64_t* left) {
  std::size_t struck = 0;
  for (std::size_t word = begin / 64; word * 64 < end; ++word) {
    const std::uint64_t bits = left[word] & bits_within(word, begin, end);
    if (bits != 0) struck += strike(blocks, word, bits, at, limit, left);
  }
  return struck;
}

FRAMECAST_AVX2 std::size_t strike_near_avx2(const CodedBoxes* blocks, std::size_t begin, std::size_t end,
                                            std::size_t at, const OverlapLimit& limit, CodeSpan span,
                                            std::uint64_t* left) {
  const __m256i low = _mm256_set1_epi32(static_cast<int>(span.low));
  const __m256i width = _mm256_set1_epi32(static_cast<int>(span.span));
  std::size_t struck = 0;
  for (std::size_t word = begin / 64; word * 64 < end; ++word) {
    const std::uint64_t within = left[word] & bits_within(word, begin, end);
    if (within == 0) continue;
    const std::uint64_t bits = within & near(blocks[word].code, low, width);
    if (bits != 0) struck += strike(blocks, word, bits, at, limit, left);
  }
  return struck;
}

FRAMECAST_AVX2 Keys keys_above_avx2(const float* scores, std::size_t count, float threshold, std::uint64_t* out) {
  const __m256 floor = _mm256_set1_ps(threshold);
  Keys keys;
  auto add = [&keys, scores, out](std::size_t row) {
    const std::uint32_t key = falling_key(scores[row]);
    keys.lowest = std::min(keys.lowest, key);
    keys.highest = std::max(keys.highest, key);
    out[keys.count++] = std::uint64_t{key} << 32 | row;
  };
  std::size_t i = 0;
  for (; i + kBlock <= count; i += kBlock) {
    auto above =
        static_cast<std::uint32_t>(_mm256_movemask_ps(_mm256_cmp_ps(_mm256_loadu_ps(scores + i), floor, _CMP_GT_OQ)));
    for (; above != 0; above &= above - 1) add(i + static_cast<std::size_t>(__builtin_ctz(above)));
  }
  for (; i < count; ++i) {
    if (scores[i] > threshold) add(i);
  }
  return keys;
}

}  // namespace framecast::kernels

#endif
