#if defined(__x86_64__)

#include <immintrin.h>

#include "kernels/nms.h"

#define FRAMECAST_AVX512 __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi")))

namespace framecast::kernels {
namespace {

constexpr std::size_t kBlock = 16;

}  // namespace

FRAMECAST_AVX512 bool overlaps_any_avx512(const BoxColumns& kept, const Box& box, float area, float threshold) {
  const __m512 x1 = _mm512_set1_ps(box.x1), y1 = _mm512_set1_ps(box.y1);
  const __m512 x2 = _mm512_set1_ps(box.x2), y2 = _mm512_set1_ps(box.y2);
  const __m512 own_area = _mm512_set1_ps(area), limit = _mm512_set1_ps(threshold);
  const __m512 share = _mm512_set1_ps(least_share(threshold)), zero = _mm512_setzero_ps();
  for (std::size_t i = 0; i < kept.count; i += kBlock) {
    const std::size_t left = kept.count - i;
    const auto lanes = static_cast<__mmask16>(left < kBlock ? (1u << left) - 1 : 0xffffu);
    auto load = [lanes, i](const float* column) FRAMECAST_AVX512 { return _mm512_maskz_loadu_ps(lanes, column + i); };
    const __m512 width =
        _mm512_max_ps(zero, _mm512_sub_ps(_mm512_min_ps(load(kept.x2), x2), _mm512_max_ps(load(kept.x1), x1)));
    const __m512 height =
        _mm512_max_ps(zero, _mm512_sub_ps(_mm512_min_ps(load(kept.y2), y2), _mm512_max_ps(load(kept.y1), y1)));
    const __m512 inter = _mm512_mul_ps(width, height);
    const __m512 areas = _mm512_add_ps(load(kept.area), own_area);
    // Few get past this, so that the division, which decides, is rare.
    const __mmask16 maybe = _mm512_mask_cmp_ps_mask(lanes, inter, _mm512_mul_ps(areas, share), _CMP_GE_OQ);
    if (maybe == 0) continue;
    const __m512 iou = _mm512_div_ps(inter, _mm512_sub_ps(areas, inter));
    if (_mm512_mask_cmp_ps_mask(maybe, iou, limit, _CMP_GT_OQ) != 0) return true;
  }
  return false;
}

FRAMECAST_AVX512 std::size_t rows_above_avx512(const float* scores, std::size_t count, float threshold,
                                               std::uint32_t* out) {
  const __m512 floor = _mm512_set1_ps(threshold);
  __m512i row = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  std::size_t rows = 0;
  for (std::size_t i = 0; i < count; i += kBlock) {
    const std::size_t left = count - i;
    const auto lanes = static_cast<__mmask16>(left < kBlock ? (1u << left) - 1 : 0xffffu);
    const __mmask16 above = _mm512_mask_cmp_ps_mask(lanes, _mm512_maskz_loadu_ps(lanes, scores + i), floor, _CMP_GT_OQ);
    const auto count_above = static_cast<unsigned>(__builtin_popcount(above));
    // Compressing in a register and storing under a mask: compressing into memory is slow on some processors.
    _mm512_mask_storeu_epi32(out + rows, static_cast<__mmask16>((1u << count_above) - 1),
                             _mm512_maskz_compress_epi32(above, row));
    rows += count_above;
    row = _mm512_add_epi32(row, _mm512_set1_epi32(static_cast<int>(kBlock)));
  }
  return rows;
}

}  // namespace framecast::kernels

#endif
