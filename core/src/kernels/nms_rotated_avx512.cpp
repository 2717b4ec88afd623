#if defined(__x86_64__)

#include <immintrin.h>

#include "kernels/nms_rotated.h"

#define FRAMECAST_AVX512 __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi")))

namespace framecast::kernels {

FRAMECAST_AVX512 std::uint64_t may_overlap_avx512(const BoxColumns& kept, std::size_t begin, const Box& bounds,
                                                  float area, float share) {
  constexpr std::size_t kBlock = 16;
  const std::size_t count = std::min<std::size_t>(64, kept.count - begin);
  const __m512 x1 = _mm512_set1_ps(bounds.x1), y1 = _mm512_set1_ps(bounds.y1);
  const __m512 x2 = _mm512_set1_ps(bounds.x2), y2 = _mm512_set1_ps(bounds.y2);
  const __m512 own_area = _mm512_set1_ps(area), least = _mm512_set1_ps(share), zero = _mm512_setzero_ps();
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < count; i += kBlock) {
    const std::size_t left = count - i;
    const auto lanes = static_cast<__mmask16>(left < kBlock ? (1u << left) - 1 : 0xffffu);
    auto load = [lanes, begin, i](const float* column)
                    FRAMECAST_AVX512 { return _mm512_maskz_loadu_ps(lanes, column + begin + i); };
    const __m512 width = _mm512_sub_ps(_mm512_min_ps(load(kept.x2), x2), _mm512_max_ps(load(kept.x1), x1));
    const __m512 height = _mm512_sub_ps(_mm512_min_ps(load(kept.y2), y2), _mm512_max_ps(load(kept.y1), y1));
    const __m512 limit = _mm512_mul_ps(least, _mm512_add_ps(load(kept.area), own_area));
    const __mmask16 meet =
        _mm512_mask_cmp_ps_mask(_mm512_mask_cmp_ps_mask(lanes, width, zero, _CMP_GT_OQ), height, zero, _CMP_GT_OQ);
    bits |= std::uint64_t{_mm512_mask_cmp_ps_mask(meet, _mm512_mul_ps(width, height), limit, _CMP_GE_OQ)} << i;
  }
  return bits;
}

}  // namespace framecast::kernels

#endif
