#include "kernels/box_tree.h"

namespace framecast::kernels {

std::size_t find_boxes_scalar(const BoxTreeView& tree, std::size_t begin, std::size_t end, const Box& query,
                              std::uint32_t* out, std::size_t& work) {
  return walk_boxes(tree, begin, end, out, work, [&query](const BoxBlock& block) {
    std::uint32_t mask = 0;
    for (std::size_t i = 0; i < kBoxBlock; ++i) {
      const bool meets =
          block.x1[i] <= query.x2 && block.x2[i] >= query.x1 && block.y1[i] <= query.y2 && block.y2[i] >= query.y1;
      mask |= std::uint32_t{meets} << i;
    }
    return mask;
  });
}

}  // namespace framecast::kernels
