#if defined(__x86_64__)

#include <immintrin.h>

#include "kernels/box_tree.h"

#define FRAMECAST_AVX2 __attribute__((target("avx2")))

namespace framecast::kernels {

FRAMECAST_AVX2 std::size_t find_boxes_avx2(const BoxTreeView& tree, std::size_t begin, std::size_t end,
                                           const Box& query, std::uint32_t* out, std::size_t& work) {
  const __m256 x1 = _mm256_set1_ps(query.x1), y1 = _mm256_set1_ps(query.y1);
  const __m256 x2 = _mm256_set1_ps(query.x2), y2 = _mm256_set1_ps(query.y2);
  return walk_boxes(tree, begin, end, out, work, [=](const BoxBlock& block) FRAMECAST_AVX2 {
    std::uint32_t mask = 0;
    for (std::size_t half = 0; half < kBoxBlock; half += 8) {
      const __m256 columns = _mm256_and_ps(_mm256_cmp_ps(_mm256_load_ps(block.x1 + half), x2, _CMP_LE_OQ),
                                           _mm256_cmp_ps(_mm256_load_ps(block.x2 + half), x1, _CMP_GE_OQ));
      const __m256 rows = _mm256_and_ps(_mm256_cmp_ps(_mm256_load_ps(block.y1 + half), y2, _CMP_LE_OQ),
                                        _mm256_cmp_ps(_mm256_load_ps(block.y2 + half), y1, _CMP_GE_OQ));
      mask |= static_cast<std::uint32_t>(_mm256_movemask_ps(_mm256_and_ps(columns, rows))) << half;
    }
    return mask;
  });
}

}  // namespace framecast::kernels

#endif
