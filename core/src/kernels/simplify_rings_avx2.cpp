#if defined(__x86_64__)

#include <immintrin.h>

#include "kernels/segment_distance.h"

#define FRAMECAST_AVX2 __attribute__((target("avx2")))

namespace framecast::kernels {
namespace {

constexpr std::size_t kBlock = 4;

}  // namespace

FRAMECAST_AVX2 Farthest find_farthest_avx2(const Chain& chain, double limit) {
  const SegmentDistance distance(chain);
  Farthest farthest{chain.begin - 1, limit};
  std::size_t i = chain.begin;
  if (chain.end - chain.begin >= kBlock) {
    const __m256d ax = _mm256_set1_pd(distance.ax), ay = _mm256_set1_pd(distance.ay);
    const __m256d bx = _mm256_set1_pd(distance.bx), by = _mm256_set1_pd(distance.by);
    const __m256d dx = _mm256_set1_pd(distance.dx), dy = _mm256_set1_pd(distance.dy);
    const __m256d squared_length = _mm256_set1_pd(distance.squared_length), zero = _mm256_setzero_pd();
    __m256d best = _mm256_set1_pd(limit);
    // Indices fit in the doubles that they are kept in.
    __m256d index = _mm256_setr_pd(0, 1, 2, 3), best_index = _mm256_set1_pd(-1);
    for (; i + kBlock <= chain.end; i += kBlock) {
      const __m256d x = _mm256_loadu_pd(chain.x + i), y = _mm256_loadu_pd(chain.y + i);
      const __m256d px = _mm256_sub_pd(x, ax), py = _mm256_sub_pd(y, ay);
      const __m256d along = _mm256_add_pd(_mm256_mul_pd(px, dx), _mm256_mul_pd(py, dy));
      const __m256d across = _mm256_sub_pd(_mm256_mul_pd(px, dy), _mm256_mul_pd(py, dx));
      __m256d squared = _mm256_div_pd(_mm256_mul_pd(across, across), squared_length);
      const __m256d before = _mm256_cmp_pd(along, zero, _CMP_LE_OQ);
      const __m256d behind = _mm256_cmp_pd(along, squared_length, _CMP_GE_OQ);
      if (_mm256_movemask_pd(_mm256_or_pd(before, behind)) != 0) {
        const __m256d qx = _mm256_sub_pd(x, bx), qy = _mm256_sub_pd(y, by);
        const __m256d to_b = _mm256_add_pd(_mm256_mul_pd(qx, qx), _mm256_mul_pd(qy, qy));
        const __m256d to_a = _mm256_add_pd(_mm256_mul_pd(px, px), _mm256_mul_pd(py, py));
        squared = _mm256_blendv_pd(_mm256_blendv_pd(squared, to_b, behind), to_a, before);
      }
      const __m256d farther = _mm256_cmp_pd(squared, best, _CMP_GT_OQ);
      best = _mm256_blendv_pd(best, squared, farther);
      best_index = _mm256_blendv_pd(best_index, index, farther);
      index = _mm256_add_pd(index, _mm256_set1_pd(kBlock));
    }
    alignas(32) double values[kBlock], indices[kBlock];
    _mm256_store_pd(values, best);
    _mm256_store_pd(indices, best_index);
    double first = -1;
    for (std::size_t lane = 0; lane < kBlock; ++lane) {
      if (indices[lane] < 0) continue;
      if (values[lane] > farthest.squared || (values[lane] == farthest.squared && indices[lane] < first)) {
        farthest.squared = values[lane];
        first = indices[lane];
      }
    }
    if (first >= 0) farthest.index = chain.begin + static_cast<std::size_t>(first);
  }
  for (; i < chain.end; ++i) {
    const double squared = distance.squared(chain.x[i], chain.y[i]);
    if (squared > farthest.squared) farthest = {i, squared};
  }
  return farthest;
}

}  // namespace framecast::kernels

#endif
