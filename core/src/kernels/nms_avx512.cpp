#if defined(__x86_64__)

#include <immintrin.h>

#include "kernels/nms.h"

#define FRAMECAST_AVX512 __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi")))

namespace framecast::kernels {
namespace {

constexpr std::size_t kBlock = 16;

FRAMECAST_AVX512 inline __mmask16 first_lanes(std::size_t count) {
  return static_cast<__mmask16>(count < kBlock ? (1u << count) - 1 : 0xffffu);
}

/// A bit for each of the 16 boxes from `i` on that overlaps the box `at` too much.
FRAMECAST_AVX512 inline __mmask16 overlaps(const CodedBoxes& block, std::size_t i, const CodedBoxes& own,
                                           std::size_t at, const OverlapLimit& limit) {
  const __m512 zero = _mm512_setzero_ps();
  auto load = [i](const float* column) FRAMECAST_AVX512 { return _mm512_load_ps(column + i); };
  const __m512 width = _mm512_max_ps(zero, _mm512_sub_ps(_mm512_min_ps(load(block.x2), _mm512_set1_ps(own.x2[at])),
                                                         _mm512_max_ps(load(block.x1), _mm512_set1_ps(own.x1[at]))));
  const __m512 height = _mm512_max_ps(zero, _mm512_sub_ps(_mm512_min_ps(load(block.y2), _mm512_set1_ps(own.y2[at])),
                                                          _mm512_max_ps(load(block.y1), _mm512_set1_ps(own.y1[at]))));
  const __m512 inter = _mm512_mul_ps(width, height);
  const __m512 areas = _mm512_add_ps(load(block.area), _mm512_set1_ps(own.area[at]));
  const __m512 least = _mm512_mul_ps(areas, _mm512_set1_ps(limit.least_share));
  const __m512 enough = _mm512_mul_ps(areas, _mm512_set1_ps(limit.sure_share));
  const __mmask16 maybe = _mm512_cmp_ps_mask(inter, least, _CMP_GE_OQ);
  const __mmask16 sure = _mm512_cmp_ps_mask(inter, enough, _CMP_GT_OQ);
  if (maybe == sure) return sure;
  const __m512 iou = _mm512_div_ps(inter, _mm512_sub_ps(areas, inter));
  return _mm512_mask_cmp_ps_mask(maybe, iou, _mm512_set1_ps(limit.threshold), _CMP_GT_OQ);
}

/// A bit for each of 64 codes that lies in the window.
FRAMECAST_AVX512 inline std::uint64_t near(const std::uint32_t* codes, __m512i low, __m512i span) {
  __mmask16 within[4];
  for (std::size_t j = 0; j < 4; ++j) {
    const __m512i beyond = _mm512_subs_epu8(_mm512_sub_epi8(_mm512_load_si512(codes + j * kBlock), low), span);
    within[j] = _mm512_testn_epi32_mask(beyond, beyond);
  }
  return _mm512_kunpackd(_mm512_kunpackw(within[3], within[2]), _mm512_kunpackw(within[1], within[0]));
}

FRAMECAST_AVX512 inline std::size_t strike(const CodedBoxes* blocks, std::size_t word, std::uint64_t bits,
                                           std::size_t at, const OverlapLimit& limit, std::uint64_t* left) {
  std::uint64_t gone = 0;
  for (std::size_t j = 0; j < 64; j += kBlock) {
    if ((bits >> j & 0xffff) != 0)
      gone |= std::uint64_t{overlaps(blocks[word], j, blocks[at / 64], at % 64, limit)} << j;
  }
  gone &= bits;
  left[word] ^= gone;
  return static_cast<std::size_t>(__builtin_popcountll(gone));
}

}  // namespace

FRAMECAST_AVX512 std::size_t strike_any_avx512(const CodedBoxes* blocks, std::size_t begin, std::size_t end,
                                               std::size_t at, const OverlapLimit& limit, std::uint64_t* left) {
  std::size_t struck = 0;
  for (std::size_t word = begin / 64; word * 64 < end; ++word) {
    const std::uint64_t bits = left[word] & bits_within(word, begin, end);
    if (bits != 0) struck += strike(blocks, word, bits, at, limit, left);
  }
  return struck;
}

FRAMECAST_AVX512 std::size_t strike_near_avx512(const CodedBoxes* blocks, std::size_t begin, std::size_t end,
                                                std::size_t at, const OverlapLimit& limit, CodeSpan span,
                                                std::uint64_t* left) {
  const __m512i low = _mm512_set1_epi32(static_cast<int>(span.low));
  const __m512i width = _mm512_set1_epi32(static_cast<int>(span.span));
  std::size_t struck = 0;
  for (std::size_t word = begin / 64; word * 64 < end; ++word) {
    const std::uint64_t within = left[word] & bits_within(word, begin, end);
    if (within == 0) continue;
    const std::uint64_t bits = within & near(blocks[word].code, low, width);
    if (bits != 0) struck += strike(blocks, word, bits, at, limit, left);
  }
  return struck;
}

FRAMECAST_AVX512 Keys keys_above_avx512(const float* scores, std::size_t count, float threshold, std::uint64_t* out) {
  const __m512 floor = _mm512_set1_ps(threshold);
  const __m512i step = _mm512_set1_epi32(static_cast<int>(kBlock));
  const __m512i lower = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
  const __m512i upper = _mm512_add_epi32(lower, _mm512_set1_epi32(8));
  __m512i row = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  std::size_t keys = 0;
  // First rows with their scores, then scores become keys: few pass, so most registers hold fewer than eight.
  for (std::size_t i = 0; i < count; i += kBlock, row = _mm512_add_epi32(row, step)) {
    const __m512 score = _mm512_maskz_loadu_ps(first_lanes(count - i), scores + i);
    const __mmask16 above = _mm512_mask_cmp_ps_mask(first_lanes(count - i), score, floor, _CMP_GT_OQ);
    if (above == 0) continue;
    // Compressing in a register and storing under a mask: compressing into memory is slow on some processors.
    const auto found = static_cast<unsigned>(__builtin_popcount(above));
    const __m512i rows = _mm512_maskz_compress_epi32(above, row);
    const __m512i packed = _mm512_maskz_compress_epi32(above, _mm512_castps_si512(score));
    const unsigned filled = (1u << found) - 1;
    _mm512_mask_storeu_epi64(out + keys, static_cast<__mmask8>(filled & 0xff),
                             _mm512_permutex2var_epi32(rows, lower, packed));
    if (found > 8) {
      _mm512_mask_storeu_epi64(out + keys + 8, static_cast<__mmask8>(filled >> 8),
                               _mm512_permutex2var_epi32(rows, upper, packed));
    }
    keys += found;
  }
  const __m512i sign = _mm512_set1_epi32(static_cast<int>(0x80000000u));
  __m512i lowest = _mm512_set1_epi32(-1), highest = _mm512_setzero_si512();
  for (std::size_t i = 0; i < keys; i += 8) {
    const auto lanes = static_cast<__mmask8>(keys - i < 8 ? (1u << (keys - i)) - 1 : 0xffu);
    const __m512i pairs = _mm512_maskz_loadu_epi64(lanes, out + i);
    // See falling_key: negative scores keep their bits, others have all flipped but the sign.
    const __m512i bits = _mm512_castps_si512(_mm512_add_ps(_mm512_castsi512_ps(pairs), _mm512_setzero_ps()));
    const __m512i flipped = _mm512_andnot_si512(_mm512_or_si512(bits, sign), _mm512_set1_epi32(-1));
    const __m512i key = _mm512_mask_mov_epi32(flipped, _mm512_movepi32_mask(bits), bits);
    _mm512_mask_storeu_epi64(out + i, lanes, _mm512_mask_mov_epi32(pairs, 0xaaaa, key));
    const __m512i score = _mm512_srli_epi64(key, 32);
    lowest = _mm512_mask_min_epu64(lowest, lanes, lowest, score);
    highest = _mm512_mask_max_epu64(highest, lanes, highest, score);
  }
  return {keys, static_cast<std::uint32_t>(_mm512_reduce_min_epu64(lowest)),
          static_cast<std::uint32_t>(_mm512_reduce_max_epu64(highest))};
}

}  // namespace framecast::kernels

#endif
