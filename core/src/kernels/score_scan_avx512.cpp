#if defined(__x86_64__)

#include <immintrin.h>

#include "kernels/score_scan.h"

#define FRAMECAST_AVX512 __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi")))

namespace framecast::kernels {
namespace {

FRAMECAST_AVX512 inline __m512 load(const Values<float>& values, std::size_t first) {
  return _mm512_loadu_ps(values.data + first);
}

FRAMECAST_AVX512 inline __m512 load(const Values<Half>& values, std::size_t first) {
  return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(values.data + first)));
}

template <typename T>
FRAMECAST_AVX512 inline __m512 load(const Values<T>& values, std::size_t first) {
  const __m128i stored = _mm_loadu_si128(reinterpret_cast<const __m128i*>(values.data + first));
  const __m512i wide = std::is_signed_v<T> ? _mm512_cvtepi8_epi32(stored) : _mm512_cvtepu8_epi32(stored);
  return _mm512_mul_ps(_mm512_sub_ps(_mm512_cvtepi32_ps(wide), _mm512_set1_ps(values.zero_point)),
                       _mm512_set1_ps(values.scale));
}

template <typename T>
FRAMECAST_AVX512 void mark(const Values<T>& given, std::size_t count, float bound, std::uint64_t* marks) {
  const Values<T> values = given;
  const __m512 least = _mm512_set1_ps(bound);
  std::size_t i = 0;
  for (; i + 64 <= count; i += 64) {
    std::uint64_t word = 0;
    for (unsigned part = 0; part < 4; ++part) {
      const __mmask16 above = _mm512_cmp_ps_mask(load(values, i + part * kScanBlock), least, _CMP_GE_OQ);
      word |= static_cast<std::uint64_t>(above) << (part * kScanBlock);
    }
    marks[i / 64] = word;
  }
  if (i == count) return;
  const std::size_t word_begin = i;
  std::uint64_t word = 0;
  for (; i + kScanBlock <= count; i += kScanBlock) {
    const __mmask16 above = _mm512_cmp_ps_mask(load(values, i), least, _CMP_GE_OQ);
    word |= static_cast<std::uint64_t>(above) << (i - word_begin);
  }
  if (i < count) word |= mark_few(values, i, count, bound) << (i - word_begin);
  marks[word_begin / 64] = word;
}

template <typename T>
FRAMECAST_AVX512 std::size_t find(const Values<T>& given, const ScanBlocks& blocks, std::uint32_t* slots) {
  const Values<T> plane = given;
  std::size_t found = 0;
  for (std::size_t block = 0; block < blocks.count; ++block) {
    const std::size_t start = blocks.starts[block];
    if (start + kScanBlock > blocks.end) {
      found += find_in_block(plane, blocks, block, slots + found);
      continue;
    }
    const __m512 bounds = _mm512_loadu_ps(blocks.bounds + block * kScanBlock);
    unsigned above = _mm512_cmp_ps_mask(load(plane, start), bounds, _CMP_GE_OQ);
    for (; above != 0; above &= above - 1) {
      slots[found++] = static_cast<std::uint32_t>(block * kScanBlock) + static_cast<unsigned>(__builtin_ctz(above));
    }
  }
  return found;
}

}  // namespace

template <typename T>
ScoreScan<T> score_scan_avx512() {
  return {mark<T>, find<T>};
}

template ScoreScan<float> score_scan_avx512();
template ScoreScan<Half> score_scan_avx512();
template ScoreScan<std::int8_t> score_scan_avx512();
template ScoreScan<std::uint8_t> score_scan_avx512();

}  // namespace framecast::kernels

#endif
