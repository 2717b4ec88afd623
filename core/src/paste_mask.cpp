#include "paste_mask.h"

#include <algorithm>
#include <cmath>

namespace framecast {
namespace {

/// Where a soft mask lands: columns left to right and rows top to bottom of the image, both ends included.
struct Placement {
  std::int64_t left;
  std::int64_t top;
  std::int64_t right;
  std::int64_t bottom;
};

/// torchvision's expand_boxes and its truncation to int64; false where that cannot be done.
bool place(const Box& box, std::size_t mask_size, Placement& out) {
  const float scale = static_cast<float>(static_cast<double>(mask_size + 2) / static_cast<double>(mask_size));
  const float half_width = (box.x2 - box.x1) * 0.5f * scale;
  const float half_height = (box.y2 - box.y1) * 0.5f * scale;
  const float center_x = (box.x2 + box.x1) * 0.5f;
  const float center_y = (box.y2 + box.y1) * 0.5f;
  const float corners[4] = {center_x - half_width, center_y - half_height, center_x + half_width,
                            center_y + half_height};
  constexpr float kFarthest = 1 << 30;
  for (float corner : corners) {
    if (!(std::fabs(corner) <= kFarthest)) return false;
  }
  out = {static_cast<std::int64_t>(corners[0]), static_cast<std::int64_t>(corners[1]),
         static_cast<std::int64_t>(corners[2]), static_cast<std::int64_t>(corners[3])};
  return true;
}

}  // namespace

bool paste_mask(std::span<const float> mask, std::size_t mask_size, const Box& box, std::int64_t image_height,
                std::int64_t image_width, float threshold, MaskRuns& runs, PasteScratch& scratch) {
  Placement at;
  if (!place(box, mask_size, at)) return false;
  // torchvision gives an inverted box one pixel, but then copies as many rows and columns as the box has: none.
  const std::int64_t width = std::max<std::int64_t>(at.right - at.left + 1, 1);
  const std::int64_t height = std::max<std::int64_t>(at.bottom - at.top + 1, 1);
  const std::int64_t left = std::max<std::int64_t>(at.left, 0);
  const std::int64_t top = std::max<std::int64_t>(at.top, 0);
  const std::int64_t right = std::min(at.right + 1, image_width);
  const std::int64_t bottom = std::min(at.bottom + 1, image_height);
  if (left >= right || top >= bottom) return false;

  const std::size_t padded = mask_size + 2;
  UpsampledMask& values = scratch.mask;
  values.reset(padded, padded);
  for (std::size_t y = 0; y < mask_size; ++y) {
    std::copy_n(mask.data() + y * mask_size, mask_size, values.row(y + 1) + 1);
  }
  const auto crop_height = static_cast<std::size_t>(bottom - top);
  const auto crop_width = static_cast<std::size_t>(right - left);
  values.rows.sample(top - at.top, crop_height, static_cast<float>(padded) / static_cast<float>(height), 0, padded);
  values.columns.sample(left - at.left, crop_width, static_cast<float>(padded) / static_cast<float>(width), 0, padded);
  runs.clear(left, top);
  upsample_mask(values, crop_height, crop_width, threshold, runs, scratch.upsample);
  return true;
}

}  // namespace framecast
