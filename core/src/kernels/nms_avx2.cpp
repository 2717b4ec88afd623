#if defined(__x86_64__)

#include <immintrin.h>

#include "kernels/nms.h"

#define FRAMECAST_AVX2 __attribute__((target("avx2")))

namespace framecast::kernels {
namespace {

constexpr std::size_t kBlock = 8;

FRAMECAST_AVX2 inline __m256i first_lanes(std::size_t count) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(count)), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

}  // namespace

FRAMECAST_AVX2 bool overlaps_any_avx2(const BoxColumns& kept, const Box& box, float area, float threshold) {
  const __m256 x1 = _mm256_set1_ps(box.x1), y1 = _mm256_set1_ps(box.y1);
  const __m256 x2 = _mm256_set1_ps(box.x2), y2 = _mm256_set1_ps(box.y2);
  const __m256 own_area = _mm256_set1_ps(area), limit = _mm256_set1_ps(threshold);
  const __m256 share = _mm256_set1_ps(least_share(threshold)), zero = _mm256_setzero_ps();
  auto any = [&](auto load, __m256 lanes) FRAMECAST_AVX2 {
    const __m256 width =
        _mm256_max_ps(zero, _mm256_sub_ps(_mm256_min_ps(load(kept.x2), x2), _mm256_max_ps(load(kept.x1), x1)));
    const __m256 height =
        _mm256_max_ps(zero, _mm256_sub_ps(_mm256_min_ps(load(kept.y2), y2), _mm256_max_ps(load(kept.y1), y1)));
    const __m256 inter = _mm256_mul_ps(width, height);
    const __m256 areas = _mm256_add_ps(load(kept.area), own_area);
    // Few get past this, so that the division, which decides, is rare.
    const __m256 maybe = _mm256_and_ps(lanes, _mm256_cmp_ps(inter, _mm256_mul_ps(areas, share), _CMP_GE_OQ));
    if (_mm256_movemask_ps(maybe) == 0) return false;
    const __m256 iou = _mm256_div_ps(inter, _mm256_sub_ps(areas, inter));
    return _mm256_movemask_ps(_mm256_and_ps(maybe, _mm256_cmp_ps(iou, limit, _CMP_GT_OQ))) != 0;
  };
  std::size_t i = 0;
  const __m256 all = _mm256_castsi256_ps(_mm256_set1_epi32(-1));
  for (; i + kBlock <= kept.count; i += kBlock) {
    if (any([i](const float* column) FRAMECAST_AVX2 { return _mm256_loadu_ps(column + i); }, all)) return true;
  }
  if (i == kept.count) return false;
  const __m256i lanes = first_lanes(kept.count - i);
  return any([i, lanes](const float* column) FRAMECAST_AVX2 { return _mm256_maskload_ps(column + i, lanes); },
             _mm256_castsi256_ps(lanes));
}

FRAMECAST_AVX2 std::size_t rows_above_avx2(const float* scores, std::size_t count, float threshold,
                                           std::uint32_t* out) {
  const __m256 floor = _mm256_set1_ps(threshold);
  std::size_t rows = 0;
  std::size_t i = 0;
  for (; i + kBlock <= count; i += kBlock) {
    auto above =
        static_cast<std::uint32_t>(_mm256_movemask_ps(_mm256_cmp_ps(_mm256_loadu_ps(scores + i), floor, _CMP_GT_OQ)));
    for (; above != 0; above &= above - 1) {
      out[rows++] = static_cast<std::uint32_t>(i) + static_cast<std::uint32_t>(__builtin_ctz(above));
    }
  }
  for (; i < count; ++i) {
    if (scores[i] > threshold) out[rows++] = static_cast<std::uint32_t>(i);
  }
  return rows;
}

}  // namespace framecast::kernels

#endif
