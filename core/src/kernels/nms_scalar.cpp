#include <algorithm>
#include <bit>

#include "kernels/falling_key.h"
#include "kernels/nms.h"

namespace framecast::kernels {

std::size_t strike_any_scalar(const CodedBoxes* blocks, std::size_t begin, std::size_t end, std::size_t at,
                              const OverlapLimit& limit, std::uint64_t* left) {
  const CodedBoxes& own = blocks[at / 64];
  const Box box{own.x1[at % 64], own.y1[at % 64], own.x2[at % 64], own.y2[at % 64]};
  const float area = own.area[at % 64];
  std::size_t struck = 0;
  for (std::size_t word = begin / 64; word * 64 < end; ++word) {
    const std::uint64_t bits = left[word] & bits_within(word, begin, end);
    if (bits == 0) continue;
    // Whole blocks without a branch inside let the compiler use the baseline's vectors.
    std::uint64_t gone = 0;
    for (std::size_t j = 0; j < 64; j += 16) {
      if ((bits >> j & 0xffff) == 0) continue;
      float iou[16];
      for (std::size_t k = 0; k < 16; ++k) {
        const std::size_t i = j + k;
        const float width = std::max(0.0f, std::min(blocks[word].x2[i], box.x2) - std::max(blocks[word].x1[i], box.x1));
        const float height =
            std::max(0.0f, std::min(blocks[word].y2[i], box.y2) - std::max(blocks[word].y1[i], box.y1));
        const float inter = width * height;
        // No area on both sides makes this NaN, which compares false: such boxes never suppress.
        iou[k] = inter / (blocks[word].area[i] + area - inter);
      }
      for (std::size_t k = 0; k < 16; ++k) gone |= std::uint64_t{iou[k] > limit.threshold} << (j + k);
    }
    gone &= bits;
    left[word] ^= gone;
    struck += static_cast<std::size_t>(std::popcount(gone));
  }
  return struck;
}

/// Codes only save work, so the reference looks at none.
std::size_t strike_near_scalar(const CodedBoxes* blocks, std::size_t begin, std::size_t end, std::size_t at,
                               const OverlapLimit& limit, CodeSpan, std::uint64_t* left) {
  return strike_any_scalar(blocks, begin, end, at, limit, left);
}

Keys keys_above_scalar(const float* scores, std::size_t count, float threshold, std::uint64_t* out) {
  Keys keys;
  for (std::size_t i = 0; i < count; ++i) {
    if (!(scores[i] > threshold)) continue;
    const std::uint32_t key = falling_key(scores[i]);
    keys.lowest = std::min(keys.lowest, key);
    keys.highest = std::max(keys.highest, key);
    out[keys.count++] = std::uint64_t{key} << 32 | i;
  }
  return keys;
}

}  // namespace framecast::kernels
