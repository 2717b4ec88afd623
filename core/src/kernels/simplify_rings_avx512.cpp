#if defined(__x86_64__)

#include <immintrin.h>

#include "kernels/segment_distance.h"

#define FRAMECAST_AVX512 __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi")))

namespace framecast::kernels {
namespace {

constexpr std::size_t kBlock = 8;

}  // namespace

FRAMECAST_AVX512 Farthest find_farthest_avx512(const Chain& chain, double limit) {
  const SegmentDistance distance(chain);
  const __m512d ax = _mm512_set1_pd(distance.ax), ay = _mm512_set1_pd(distance.ay);
  const __m512d bx = _mm512_set1_pd(distance.bx), by = _mm512_set1_pd(distance.by);
  const __m512d dx = _mm512_set1_pd(distance.dx), dy = _mm512_set1_pd(distance.dy);
  const __m512d squared_length = _mm512_set1_pd(distance.squared_length), zero = _mm512_setzero_pd();
  __m512d best = _mm512_set1_pd(limit);
  const __m512i none = _mm512_set1_epi64(-1);
  __m512i index = _mm512_add_epi64(_mm512_set1_epi64(static_cast<long long>(chain.begin)),
                                   _mm512_setr_epi64(0, 1, 2, 3, 4, 5, 6, 7));
  __m512i best_index = none;  // The highest as an unsigned number.
  for (std::size_t i = chain.begin; i < chain.end; i += kBlock) {
    const std::size_t left = chain.end - i;
    const auto lanes = static_cast<__mmask8>(left < kBlock ? (1u << left) - 1 : 0xffu);
    const __m512d x = _mm512_maskz_loadu_pd(lanes, chain.x + i), y = _mm512_maskz_loadu_pd(lanes, chain.y + i);
    const __m512d px = _mm512_sub_pd(x, ax), py = _mm512_sub_pd(y, ay);
    const __m512d along = _mm512_add_pd(_mm512_mul_pd(px, dx), _mm512_mul_pd(py, dy));
    const __m512d across = _mm512_sub_pd(_mm512_mul_pd(px, dy), _mm512_mul_pd(py, dx));
    __m512d squared = _mm512_div_pd(_mm512_mul_pd(across, across), squared_length);
    const __mmask8 before = _mm512_mask_cmp_pd_mask(lanes, along, zero, _CMP_LE_OQ);
    const __mmask8 behind = _mm512_mask_cmp_pd_mask(lanes, along, squared_length, _CMP_GE_OQ);
    if ((before | behind) != 0) {
      const __m512d qx = _mm512_sub_pd(x, bx), qy = _mm512_sub_pd(y, by);
      const __m512d to_b = _mm512_add_pd(_mm512_mul_pd(qx, qx), _mm512_mul_pd(qy, qy));
      const __m512d to_a = _mm512_add_pd(_mm512_mul_pd(px, px), _mm512_mul_pd(py, py));
      squared = _mm512_mask_mov_pd(_mm512_mask_mov_pd(squared, behind, to_b), before, to_a);
    }
    const __mmask8 farther = _mm512_mask_cmp_pd_mask(lanes, squared, best, _CMP_GT_OQ);
    best = _mm512_mask_mov_pd(best, farther, squared);
    best_index = _mm512_mask_mov_epi64(best_index, farther, index);
    index = _mm512_add_epi64(index, _mm512_set1_epi64(static_cast<long long>(kBlock)));
  }
  const __mmask8 found = _mm512_cmpneq_epi64_mask(best_index, none);
  if (found == 0) return {chain.begin - 1, limit};
  const double farthest = _mm512_reduce_max_pd(best);
  const __mmask8 equal = _mm512_mask_cmp_pd_mask(found, best, _mm512_set1_pd(farthest), _CMP_EQ_OQ);
  return {static_cast<std::size_t>(_mm512_mask_reduce_min_epu64(equal, best_index)), farthest};
}

}  // namespace framecast::kernels

#endif
