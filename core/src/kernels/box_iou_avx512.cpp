#if defined(__x86_64__)

#include <immintrin.h>

#include "kernels/box_iou.h"

#define FRAMECAST_AVX512 __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi")))

namespace framecast::kernels {
namespace {

constexpr std::size_t kBlock = 16;

struct Overlap {
  __m512 inter;
  __m512 areas;
};

FRAMECAST_AVX512 inline __mmask16 lanes_before(std::size_t left) {
  return static_cast<__mmask16>(left < kBlock ? (1u << left) - 1 : 0xffffu);
}

/// What the columns from `i` on share with the box.
FRAMECAST_AVX512 inline Overlap overlap_with(const BoxColumns& columns, std::size_t i, __mmask16 lanes, const Box& box,
                                             float area) {
  auto load = [lanes, i](const float* column) FRAMECAST_AVX512 { return _mm512_maskz_loadu_ps(lanes, column + i); };
  const __m512 zero = _mm512_setzero_ps();
  const __m512 right = _mm512_min_ps(load(columns.x2), _mm512_set1_ps(box.x2));
  const __m512 left = _mm512_max_ps(load(columns.x1), _mm512_set1_ps(box.x1));
  const __m512 bottom = _mm512_min_ps(load(columns.y2), _mm512_set1_ps(box.y2));
  const __m512 top = _mm512_max_ps(load(columns.y1), _mm512_set1_ps(box.y1));
  const __m512 width = _mm512_max_ps(zero, _mm512_sub_ps(right, left));
  const __m512 height = _mm512_max_ps(zero, _mm512_sub_ps(bottom, top));
  return {_mm512_mul_ps(width, height), _mm512_add_ps(load(columns.area), _mm512_set1_ps(area))};
}

FRAMECAST_AVX512 inline __m512 iou_of(const Overlap& overlap) {
  return _mm512_div_ps(overlap.inter, _mm512_sub_ps(overlap.areas, overlap.inter));
}

}  // namespace

FRAMECAST_AVX512 void iou_row_avx512(const BoxColumns& columns, const Box& box, float area, float* out) {
  const __m512 zero = _mm512_setzero_ps();
  for (std::size_t i = 0; i < columns.count; i += kBlock) {
    const __mmask16 lanes = lanes_before(columns.count - i);
    const Overlap overlap = overlap_with(columns, i, lanes, box, area);
    // Where nothing is shared the IoU is 0, and most boxes share nothing.
    __m512 row = zero;
    if (_mm512_cmp_ps_mask(overlap.inter, zero, _CMP_GT_OQ) != 0) {
      const __m512 iou = iou_of(overlap);
      row = _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(iou, zero, _CMP_GT_OQ), iou);
    }
    _mm512_mask_storeu_ps(out + i, lanes, row);
  }
}

FRAMECAST_AVX512 std::size_t ious_above_avx512(const BoxColumns& columns, std::size_t begin, const Box& box, float area,
                                               float threshold, std::uint32_t* rows, float* ious) {
  const __m512 zero = _mm512_setzero_ps(), share = _mm512_set1_ps(least_share(threshold));
  const __m512 limit = _mm512_set1_ps(threshold);
  const __m512i first_rows = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  std::size_t found = 0;
  for (std::size_t i = begin; i < columns.count; i += kBlock) {
    const __mmask16 lanes = lanes_before(columns.count - i);
    const Overlap overlap = overlap_with(columns, i, lanes, box, area);
    // Few get past this, so that the division, which decides, is rare.
    const __mmask16 maybe = _mm512_mask_cmp_ps_mask(_mm512_mask_cmp_ps_mask(lanes, overlap.inter, zero, _CMP_GT_OQ),
                                                    overlap.inter, _mm512_mul_ps(overlap.areas, share), _CMP_GE_OQ);
    if (maybe == 0) continue;
    const __m512 iou = iou_of(overlap);
    const __mmask16 above = _mm512_mask_cmp_ps_mask(maybe, iou, limit, _CMP_GT_OQ);
    const auto count = static_cast<unsigned>(__builtin_popcount(above));
    const auto front = static_cast<__mmask16>((1u << count) - 1);
    const __m512i row = _mm512_add_epi32(first_rows, _mm512_set1_epi32(static_cast<int>(i)));
    // Compressing in a register and storing under a mask: compressing into memory is slow on some processors.
    _mm512_mask_storeu_epi32(rows + found, front, _mm512_maskz_compress_epi32(above, row));
    _mm512_mask_storeu_ps(ious + found, front, _mm512_maskz_compress_ps(above, iou));
    found += count;
  }
  return found;
}

}  // namespace framecast::kernels

#endif
