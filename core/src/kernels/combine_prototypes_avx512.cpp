#if defined(__x86_64__)

#include <immintrin.h>

#include "kernels/combine_prototypes.h"

namespace framecast::kernels {

__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi"))) void combine_prototypes_avx512(
    const PrototypeRow& row) {
  constexpr std::size_t kBlock = 16;
  for (std::size_t x = 0; x < row.width; x += kBlock) {
    const std::size_t left = row.width - x;
    const auto lanes = static_cast<__mmask16>(left < kBlock ? (1u << left) - 1 : 0xffffu);
    __m512 sum = _mm512_setzero_ps();
    for (std::size_t p = 0; p < row.count; ++p) {
      const __m512 values = _mm512_maskz_loadu_ps(lanes, row.first + p * row.plane + x);
      sum = _mm512_add_ps(sum, _mm512_mul_ps(_mm512_set1_ps(row.coefficients[p]), values));
    }
    _mm512_mask_storeu_ps(row.out + x, lanes, sum);
  }
}

}  // namespace framecast::kernels

#endif
