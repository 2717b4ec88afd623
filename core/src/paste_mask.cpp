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

/// Along one axis: the image's pixels from `begin` to `end`, and where each lies in the mask with its padding.
struct Span {
  std::int64_t begin;
  std::int64_t end;
  std::int64_t first;  ///< Of `begin`, as `UpsampledAxis::sample` counts.
  float scale;
  float offset;
};

/// The truncated box with both ends, over which the padded mask is stretched.
Span over_pixels(std::int64_t low, std::int64_t high, std::int64_t image_size, std::size_t mask_size) {
  // torchvision gives an inverted box one pixel, but then copies as many rows and columns as the box has: none.
  const std::int64_t length = std::max<std::int64_t>(high - low + 1, 1);
  const std::int64_t begin = std::max<std::int64_t>(low, 0);
  return {begin, std::min(high + 1, image_size), begin - low,
          static_cast<float>(mask_size + 2) / static_cast<float>(length), 0};
}

/// The box as it is, over which the mask is stretched; half of its outermost values' width fades out around it.
Span over_box(float low, float high, std::int64_t image_size, std::size_t mask_size) {
  const auto whole = static_cast<std::int64_t>(std::floor(low));
  const std::int64_t begin = std::max<std::int64_t>(whole - 1, 0);
  const std::int64_t end = std::min(static_cast<std::int64_t>(std::ceil(high)) + 1, image_size);
  const float scale = static_cast<float>(mask_size) / (high - low);
  return {begin, end, begin - whole, scale, (static_cast<float>(whole) - low) * scale + 1};
}

}  // namespace

bool paste_mask(std::span<const float> mask, std::size_t mask_size, const Box& box, std::int64_t image_height,
                std::int64_t image_width, float threshold, bool exact_box, MaskRuns& runs, PasteScratch& scratch) {
  Placement at;
  if (!place(box, mask_size, at)) return false;
  if (exact_box && !(box.x2 > box.x1 && box.y2 > box.y1)) return false;
  const Span x = exact_box ? over_box(box.x1, box.x2, image_width, mask_size)
                           : over_pixels(at.left, at.right, image_width, mask_size);
  const Span y = exact_box ? over_box(box.y1, box.y2, image_height, mask_size)
                           : over_pixels(at.top, at.bottom, image_height, mask_size);
  if (x.begin >= x.end || y.begin >= y.end) return false;

  const std::size_t padded = mask_size + 2;
  UpsampledMask& values = scratch.mask;
  values.reset(padded, padded);
  for (std::size_t row = 0; row < mask_size; ++row) {
    std::copy_n(mask.data() + row * mask_size, mask_size, values.row(row + 1) + 1);
  }
  const auto crop_height = static_cast<std::size_t>(y.end - y.begin);
  const auto crop_width = static_cast<std::size_t>(x.end - x.begin);
  values.rows.sample(y.first, crop_height, y.scale, y.offset, padded);
  values.columns.sample(x.first, crop_width, x.scale, x.offset, padded);
  runs.clear(x.begin, y.begin);
  upsample_mask(values, crop_height, crop_width, threshold, runs, scratch.upsample);
  return true;
}

}  // namespace framecast
