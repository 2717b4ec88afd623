#if defined(__x86_64__)

#include <immintrin.h>

#include "kernels/paste_mask.h"

namespace framecast::kernels {

__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi"))) void paste_row_avx512(const PastedRow& row) {
  static_assert(kPastedValues == 32 && kPastedBlock == 16);
  const __m512 low = _mm512_loadu_ps(row.values), high = _mm512_loadu_ps(row.values + 16);
  const __m512 threshold = _mm512_set1_ps(row.threshold), one = _mm512_set1_ps(1);
  for (std::size_t x = 0; x < row.width; x += kPastedBlock) {
    const std::size_t left = row.width - x;
    const auto lanes = static_cast<__mmask16>(left < kPastedBlock ? (1u << left) - 1 : 0xffffu);
    const __m512 weight = _mm512_loadu_ps(row.weights + x);
    const __m512 first = _mm512_permutex2var_ps(low, _mm512_loadu_si512(row.first + x), high);
    const __m512 second = _mm512_permutex2var_ps(low, _mm512_loadu_si512(row.second + x), high);
    const __m512 value = _mm512_add_ps(_mm512_mul_ps(_mm512_sub_ps(one, weight), first), _mm512_mul_ps(weight, second));
    const __mmask16 above = _mm512_cmp_ps_mask(value, threshold, _CMP_GT_OQ);
    _mm_mask_storeu_epi8(row.out + x, lanes, _mm_maskz_set1_epi8(above, 1));
  }
}

}  // namespace framecast::kernels

#endif
