#if defined(__aarch64__)

#include <arm_neon.h>

#include "kernels/box_tree.h"

namespace framecast::kernels {

std::size_t find_boxes_neon(const BoxTreeView& tree, std::size_t begin, std::size_t end, const Box& query,
                            std::uint32_t* out, std::size_t& work) {
  const float32x4_t x1 = vdupq_n_f32(query.x1), y1 = vdupq_n_f32(query.y1);
  const float32x4_t x2 = vdupq_n_f32(query.x2), y2 = vdupq_n_f32(query.y2);
  return walk_boxes(tree, begin, end, out, work, [=](const BoxBlock& block) {
    const std::uint32_t lane_bits[4] = {1, 2, 4, 8};
    const uint32x4_t bits = vld1q_u32(lane_bits);
    std::uint32_t mask = 0;
    for (std::size_t quarter = 0; quarter < kBoxBlock; quarter += 4) {
      const uint32x4_t columns =
          vandq_u32(vcleq_f32(vld1q_f32(block.x1 + quarter), x2), vcgeq_f32(vld1q_f32(block.x2 + quarter), x1));
      const uint32x4_t rows =
          vandq_u32(vcleq_f32(vld1q_f32(block.y1 + quarter), y2), vcgeq_f32(vld1q_f32(block.y2 + quarter), y1));
      mask |= vaddvq_u32(vandq_u32(vandq_u32(columns, rows), bits)) << quarter;
    }
    return mask;
  });
}

}  // namespace framecast::kernels

#endif
