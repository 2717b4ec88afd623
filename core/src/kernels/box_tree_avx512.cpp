#if defined(__x86_64__)

#include <immintrin.h>

#include "kernels/box_tree.h"

#define FRAMECAST_AVX512 __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi")))

namespace framecast::kernels {

FRAMECAST_AVX512 std::size_t find_boxes_avx512(const BoxTreeView& tree, std::size_t begin, std::size_t end,
                                               const Box& query, std::uint32_t* out, std::size_t& work) {
  const __m512 x1 = _mm512_set1_ps(query.x1), y1 = _mm512_set1_ps(query.y1);
  const __m512 x2 = _mm512_set1_ps(query.x2), y2 = _mm512_set1_ps(query.y2);
  return walk_boxes(tree, begin, end, out, work, [=](const BoxBlock& block) FRAMECAST_AVX512 {
    __mmask16 mask = _mm512_cmp_ps_mask(_mm512_load_ps(block.x1), x2, _CMP_LE_OQ);
    mask = _mm512_mask_cmp_ps_mask(mask, _mm512_load_ps(block.x2), x1, _CMP_GE_OQ);
    mask = _mm512_mask_cmp_ps_mask(mask, _mm512_load_ps(block.y1), y2, _CMP_LE_OQ);
    mask = _mm512_mask_cmp_ps_mask(mask, _mm512_load_ps(block.y2), y1, _CMP_GE_OQ);
    return std::uint32_t{mask};
  });
}

}  // namespace framecast::kernels

#endif
