#if defined(__x86_64__)

#include <immintrin.h>

#include "kernels/box_iou.h"

#define FRAMECAST_AVX2 __attribute__((target("avx2")))

namespace framecast::kernels {
namespace {

constexpr std::size_t kBlock = 8;

struct Overlap {
  __m256 inter;
  __m256 areas;
};

FRAMECAST_AVX2 inline __m256i first_lanes(std::size_t count) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(count)), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

/// What eight columns, read by `load`, share with the box.
template <typename Load>
FRAMECAST_AVX2 inline Overlap overlap_with(const BoxColumns& columns, const Box& box, float area, Load&& load) {
  const __m256 zero = _mm256_setzero_ps();
  const __m256 right = _mm256_min_ps(load(columns.x2), _mm256_set1_ps(box.x2));
  const __m256 left = _mm256_max_ps(load(columns.x1), _mm256_set1_ps(box.x1));
  const __m256 bottom = _mm256_min_ps(load(columns.y2), _mm256_set1_ps(box.y2));
  const __m256 top = _mm256_max_ps(load(columns.y1), _mm256_set1_ps(box.y1));
  const __m256 width = _mm256_max_ps(zero, _mm256_sub_ps(right, left));
  const __m256 height = _mm256_max_ps(zero, _mm256_sub_ps(bottom, top));
  return {_mm256_mul_ps(width, height), _mm256_add_ps(load(columns.area), _mm256_set1_ps(area))};
}

FRAMECAST_AVX2 inline __m256 iou_of(const Overlap& overlap) {
  return _mm256_div_ps(overlap.inter, _mm256_sub_ps(overlap.areas, overlap.inter));
}

}  // namespace

FRAMECAST_AVX2 void iou_row_avx2(const BoxColumns& columns, const Box& box, float area, float* out) {
  const __m256 zero = _mm256_setzero_ps();
  auto row = [&](auto load) FRAMECAST_AVX2 {
    const Overlap overlap = overlap_with(columns, box, area, load);
    // Where nothing is shared the IoU is 0, and most boxes share nothing.
    if (_mm256_movemask_ps(_mm256_cmp_ps(overlap.inter, zero, _CMP_GT_OQ)) == 0) return zero;
    const __m256 iou = iou_of(overlap);
    return _mm256_and_ps(iou, _mm256_cmp_ps(iou, zero, _CMP_GT_OQ));
  };
  std::size_t i = 0;
  for (; i + kBlock <= columns.count; i += kBlock) {
    _mm256_storeu_ps(out + i, row([i](const float* column) FRAMECAST_AVX2 { return _mm256_loadu_ps(column + i); }));
  }
  if (i == columns.count) return;
  const __m256i lanes = first_lanes(columns.count - i);
  _mm256_maskstore_ps(out + i, lanes, row([i, lanes](const float* column) FRAMECAST_AVX2 {
                        return _mm256_maskload_ps(column + i, lanes);
                      }));
}

FRAMECAST_AVX2 std::size_t ious_above_avx2(const BoxColumns& columns, std::size_t begin, const Box& box, float area,
                                           float threshold, std::uint32_t* rows, float* ious) {
  const __m256 zero = _mm256_setzero_ps(), share = _mm256_set1_ps(least_share(threshold));
  const __m256 limit = _mm256_set1_ps(threshold);
  std::size_t found = 0;
  auto append = [&](std::size_t i, std::uint32_t present, auto load) FRAMECAST_AVX2 {
    const Overlap overlap = overlap_with(columns, box, area, load);
    // Few get past this, so that the division, which decides, is rare.
    const __m256 maybe = _mm256_and_ps(_mm256_cmp_ps(overlap.inter, zero, _CMP_GT_OQ),
                                       _mm256_cmp_ps(overlap.inter, _mm256_mul_ps(overlap.areas, share), _CMP_GE_OQ));
    if ((static_cast<std::uint32_t>(_mm256_movemask_ps(maybe)) & present) == 0) return;
    const __m256 iou = iou_of(overlap);
    const __m256 is_above = _mm256_and_ps(maybe, _mm256_cmp_ps(iou, limit, _CMP_GT_OQ));
    auto above = static_cast<std::uint32_t>(_mm256_movemask_ps(is_above)) & present;
    alignas(32) float values[kBlock];
    _mm256_store_ps(values, iou);
    for (; above != 0; above &= above - 1) {
      const auto lane = static_cast<std::uint32_t>(__builtin_ctz(above));
      rows[found] = static_cast<std::uint32_t>(i) + lane;
      ious[found++] = values[lane];
    }
  };
  std::size_t i = begin;
  for (; i + kBlock <= columns.count; i += kBlock) {
    append(i, 0xff, [i](const float* column) FRAMECAST_AVX2 { return _mm256_loadu_ps(column + i); });
  }
  if (i < columns.count) {
    const __m256i lanes = first_lanes(columns.count - i);
    append(i, (1u << (columns.count - i)) - 1,
           [i, lanes](const float* column) FRAMECAST_AVX2 { return _mm256_maskload_ps(column + i, lanes); });
  }
  return found;
}

}  // namespace framecast::kernels

#endif
