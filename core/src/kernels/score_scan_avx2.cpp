#if defined(__x86_64__)

#include <immintrin.h>

#include "kernels/score_scan.h"

#define FRAMECAST_AVX2 __attribute__((target("avx2,f16c")))

namespace framecast::kernels {
namespace {

constexpr std::size_t kLanes = 8;

FRAMECAST_AVX2 inline __m256 load(const Values<float>& values, std::size_t first) {
  return _mm256_loadu_ps(values.data + first);
}

FRAMECAST_AVX2 inline __m256 load(const Values<Half>& values, std::size_t first) {
  return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(values.data + first)));
}

template <typename T>
FRAMECAST_AVX2 inline __m256 load(const Values<T>& values, std::size_t first) {
  const __m128i stored = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(values.data + first));
  const __m256i wide = std::is_signed_v<T> ? _mm256_cvtepi8_epi32(stored) : _mm256_cvtepu8_epi32(stored);
  return _mm256_mul_ps(_mm256_sub_ps(_mm256_cvtepi32_ps(wide), _mm256_set1_ps(values.zero_point)),
                       _mm256_set1_ps(values.scale));
}

template <typename T>
FRAMECAST_AVX2 inline unsigned above(const Values<T>& values, std::size_t first, __m256 least) {
  return static_cast<unsigned>(_mm256_movemask_ps(_mm256_cmp_ps(load(values, first), least, _CMP_GE_OQ)));
}

template <typename T>
FRAMECAST_AVX2 void mark(const Values<T>& given, std::size_t count, float bound, std::uint64_t* marks) {
  const Values<T> values = given;
  const __m256 least = _mm256_set1_ps(bound);
  std::size_t i = 0;
  for (; i + 64 <= count; i += 64) {
    std::uint64_t word = 0;
    for (unsigned part = 0; part < 64; part += kLanes) word |= std::uint64_t{above(values, i + part, least)} << part;
    marks[i / 64] = word;
  }
  if (i == count) return;
  const std::size_t word_begin = i;
  std::uint64_t word = 0;
  for (; i + kLanes <= count; i += kLanes) word |= std::uint64_t{above(values, i, least)} << (i - word_begin);
  if (i < count) word |= mark_few(values, i, count, bound) << (i - word_begin);
  marks[word_begin / 64] = word;
}

template <typename T>
FRAMECAST_AVX2 std::size_t find(const Values<T>& given, const ScanBlocks& blocks, std::uint32_t* slots) {
  const Values<T> plane = given;
  std::size_t found = 0;
  for (std::size_t block = 0; block < blocks.count; ++block) {
    const std::size_t start = blocks.starts[block];
    if (start + kScanBlock > blocks.end) {
      found += find_in_block(plane, blocks, block, slots + found);
      continue;
    }
    const float* bounds = blocks.bounds + block * kScanBlock;
    unsigned reached = above(plane, start, _mm256_loadu_ps(bounds)) |
                       above(plane, start + kLanes, _mm256_loadu_ps(bounds + kLanes)) << kLanes;
    for (; reached != 0; reached &= reached - 1) {
      slots[found++] = static_cast<std::uint32_t>(block * kScanBlock) + static_cast<unsigned>(__builtin_ctz(reached));
    }
  }
  return found;
}

}  // namespace

template <typename T>
ScoreScan<T> score_scan_avx2() {
  return {mark<T>, find<T>};
}

template ScoreScan<float> score_scan_avx2();
template ScoreScan<Half> score_scan_avx2();
template ScoreScan<std::int8_t> score_scan_avx2();
template ScoreScan<std::uint8_t> score_scan_avx2();

}  // namespace framecast::kernels

#endif
