#if defined(__x86_64__)

#include <immintrin.h>

#include "kernels/nms_rotated.h"

#define FRAMECAST_AVX2 __attribute__((target("avx2")))

namespace framecast::kernels {
namespace {

constexpr std::size_t kBlock = 8;

}  // namespace

FRAMECAST_AVX2 std::uint64_t may_overlap_avx2(const BoxColumns& kept, std::size_t begin, const Box& bounds, float area,
                                              float share) {
  const std::size_t count = std::min<std::size_t>(64, kept.count - begin);
  const __m256 x1 = _mm256_set1_ps(bounds.x1), y1 = _mm256_set1_ps(bounds.y1);
  const __m256 x2 = _mm256_set1_ps(bounds.x2), y2 = _mm256_set1_ps(bounds.y2);
  const __m256 own_area = _mm256_set1_ps(area), least = _mm256_set1_ps(share), zero = _mm256_setzero_ps();
  auto bits_of = [&](auto load) FRAMECAST_AVX2 {
    const __m256 width = _mm256_sub_ps(_mm256_min_ps(load(kept.x2), x2), _mm256_max_ps(load(kept.x1), x1));
    const __m256 height = _mm256_sub_ps(_mm256_min_ps(load(kept.y2), y2), _mm256_max_ps(load(kept.y1), y1));
    const __m256 limit = _mm256_mul_ps(least, _mm256_add_ps(load(kept.area), own_area));
    const __m256 meet = _mm256_and_ps(_mm256_cmp_ps(width, zero, _CMP_GT_OQ), _mm256_cmp_ps(height, zero, _CMP_GT_OQ));
    const __m256 enough = _mm256_cmp_ps(_mm256_mul_ps(width, height), limit, _CMP_GE_OQ);
    return static_cast<std::uint64_t>(_mm256_movemask_ps(_mm256_and_ps(meet, enough)));
  };
  std::uint64_t bits = 0;
  std::size_t i = 0;
  for (; i + kBlock <= count; i += kBlock) {
    bits |= bits_of([&](const float* column) FRAMECAST_AVX2 { return _mm256_loadu_ps(column + begin + i); }) << i;
  }
  if (i < count) {
    const __m256i lanes =
        _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(count - i)), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
    const auto present = static_cast<std::uint64_t>((1u << (count - i)) - 1);
    bits |=
        (bits_of([&](const float* column) FRAMECAST_AVX2 { return _mm256_maskload_ps(column + begin + i, lanes); }) &
         present)
        << i;
  }
  return bits;
}

FRAMECAST_AVX2 double overlap_area_avx2(const OrientedBox& a, const OrientedBox& b, const RelativeBox& b_in_a) {
  const double ux = b_in_a.cos * b.half_width, uy = b_in_a.sin * b.half_width;
  const double vx = -b_in_a.sin * b.half_height, vy = b_in_a.cos * b.half_height;
  const double plus_x = ux + vx, plus_y = uy + vy, minus_x = ux - vx, minus_y = uy - vy;
  // A lane per edge; each ends where the next one begins.
  const __m256d x0 = _mm256_add_pd(_mm256_set1_pd(b_in_a.x), _mm256_setr_pd(plus_x, -minus_x, -plus_x, minus_x));
  const __m256d y0 = _mm256_add_pd(_mm256_set1_pd(b_in_a.y), _mm256_setr_pd(plus_y, -minus_y, -plus_y, minus_y));
  const __m256d x1 = _mm256_permute4x64_pd(x0, 0b00111001), y1 = _mm256_permute4x64_pd(y0, 0b00111001);
  const __m256d zero = _mm256_setzero_pd();
  const __m256d half_width = _mm256_set1_pd(a.half_width), half_height = _mm256_set1_pd(a.half_height);
  const __m256d minus_half_width = _mm256_set1_pd(-a.half_width), minus_half_height = _mm256_set1_pd(-a.half_height);

  const __m256d backwards = _mm256_cmp_pd(x1, x0, _CMP_LT_OQ);
  const __m256d left = _mm256_blendv_pd(x0, x1, backwards), right = _mm256_blendv_pd(x1, x0, backwards);
  const __m256d left_y = _mm256_blendv_pd(y0, y1, backwards), right_y = _mm256_blendv_pd(y1, y0, backwards);
  const __m256d from = _mm256_max_pd(left, minus_half_width), to = _mm256_min_pd(right, half_width);
  const __m256d length = _mm256_sub_pd(to, from);
  const __m256d slope = _mm256_div_pd(_mm256_sub_pd(right_y, left_y), _mm256_sub_pd(right, left));
  const __m256d from_y = _mm256_add_pd(left_y, _mm256_mul_pd(slope, _mm256_sub_pd(from, left)));
  const __m256d to_y = _mm256_add_pd(left_y, _mm256_mul_pd(slope, _mm256_sub_pd(to, left)));
  const __m256d low = _mm256_min_pd(from_y, to_y), high = _mm256_max_pd(from_y, to_y);
  const __m256d below = _mm256_max_pd(_mm256_sub_pd(_mm256_min_pd(high, minus_half_height), low), zero);
  const __m256d above = _mm256_max_pd(_mm256_sub_pd(high, _mm256_max_pd(low, half_height)), zero);
  const __m256d low_inside = _mm256_min_pd(_mm256_max_pd(low, minus_half_height), half_height);
  const __m256d high_inside = _mm256_min_pd(_mm256_max_pd(high, minus_half_height), half_height);
  const __m256d weighted =
      _mm256_add_pd(_mm256_mul_pd(half_height, _mm256_sub_pd(above, below)),
                    _mm256_mul_pd(_mm256_mul_pd(_mm256_set1_pd(0.5), _mm256_add_pd(low_inside, high_inside)),
                                  _mm256_sub_pd(high_inside, low_inside)));
  const __m256d mean = _mm256_blendv_pd(low_inside, _mm256_div_pd(weighted, _mm256_sub_pd(high, low)),
                                        _mm256_cmp_pd(high, low, _CMP_GT_OQ));
  const __m256d sign = _mm256_and_pd(backwards, _mm256_set1_pd(-0.0));
  const __m256d integral =
      _mm256_and_pd(_mm256_xor_pd(_mm256_mul_pd(length, mean), sign), _mm256_cmp_pd(length, zero, _CMP_GT_OQ));
  const __m128d pairs = _mm_add_pd(_mm256_castpd256_pd128(integral), _mm256_extractf128_pd(integral, 1));
  return bounded_area(_mm_cvtsd_f64(pairs) + _mm_cvtsd_f64(_mm_unpackhi_pd(pairs, pairs)), a, b);
}

}  // namespace framecast::kernels

#endif
