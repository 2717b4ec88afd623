#if defined(__x86_64__)

#include <immintrin.h>

#include "kernels/paste_mask.h"

namespace framecast::kernels {

__attribute__((target("avx2"))) void paste_row_avx2(const PastedRow& row) {
  constexpr std::size_t kBlock = 8;
  const __m256 threshold = _mm256_set1_ps(row.threshold), one = _mm256_set1_ps(1);
  std::size_t x = 0;
  for (; x + kBlock <= row.width; x += kBlock) {
    const __m256i first = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(row.first + x));
    const __m256i second = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(row.second + x));
    const __m256 weight = _mm256_loadu_ps(row.weights + x);
    const __m256 value =
        _mm256_add_ps(_mm256_mul_ps(_mm256_sub_ps(one, weight), _mm256_i32gather_ps(row.values, first, 4)),
                      _mm256_mul_ps(weight, _mm256_i32gather_ps(row.values, second, 4)));
    const __m256i above = _mm256_castps_si256(_mm256_cmp_ps(value, threshold, _CMP_GT_OQ));
    const __m128i words = _mm_packs_epi32(_mm256_castsi256_si128(above), _mm256_extracti128_si256(above, 1));
    const __m128i bytes = _mm_and_si128(_mm_packs_epi16(words, words), _mm_set1_epi8(1));
    _mm_storel_epi64(reinterpret_cast<__m128i*>(row.out + x), bytes);
  }
  PastedRow rest = row;
  rest.first += x;
  rest.second += x;
  rest.weights += x;
  rest.out += x;
  rest.width -= x;
  paste_row_scalar(rest);
}

}  // namespace framecast::kernels

#endif
