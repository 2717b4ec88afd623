#include <algorithm>

#include "kernels/nms.h"

namespace framecast::kernels {

bool overlaps_any_scalar(const BoxColumns& kept, const Box& box, float area, float threshold) {
  // Blocks without a branch inside let the compiler use the baseline's vectors; most answers come in the first block.
  constexpr std::size_t kBlock = 16;
  for (std::size_t begin = 0; begin < kept.count; begin += kBlock) {
    const std::size_t end = std::min(begin + kBlock, kept.count);
    int overlaps = 0;
    for (std::size_t i = begin; i < end; ++i) {
      const float width = std::max(0.0f, std::min(kept.x2[i], box.x2) - std::max(kept.x1[i], box.x1));
      const float height = std::max(0.0f, std::min(kept.y2[i], box.y2) - std::max(kept.y1[i], box.y1));
      const float inter = width * height;
      // No area on both sides makes this NaN, which compares false: such boxes never suppress.
      overlaps |= inter / (kept.area[i] + area - inter) > threshold;
    }
    if (overlaps) return true;
  }
  return false;
}

std::size_t rows_above_scalar(const float* scores, std::size_t count, float threshold, std::uint32_t* out) {
  std::size_t rows = 0;
  for (std::size_t i = 0; i < count; ++i) {
    out[rows] = static_cast<std::uint32_t>(i);
    rows += scores[i] > threshold;
  }
  return rows;
}

}  // namespace framecast::kernels
