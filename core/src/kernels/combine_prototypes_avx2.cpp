#if defined(__x86_64__)

#include <immintrin.h>

#include "kernels/combine_prototypes.h"

namespace framecast::kernels {

__attribute__((target("avx2"))) void combine_prototypes_avx2(const PrototypeRow& row) {
  constexpr std::size_t kBlock = 8;
  alignas(32) static constexpr int kLanes[2 * kBlock] = {-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0};
  for (std::size_t x = 0; x < row.width; x += kBlock) {
    const std::size_t left = row.width - x < kBlock ? row.width - x : kBlock;
    const __m256i lanes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(kLanes + kBlock - left));
    __m256 sum = _mm256_setzero_ps();
    for (std::size_t p = 0; p < row.count; ++p) {
      const __m256 values = _mm256_maskload_ps(row.first + p * row.plane + x, lanes);
      sum = _mm256_add_ps(sum, _mm256_mul_ps(_mm256_set1_ps(row.coefficients[p]), values));
    }
    _mm256_maskstore_ps(row.out + x, lanes, sum);
  }
}

}  // namespace framecast::kernels

#endif
