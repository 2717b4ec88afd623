#include "paste_mask.h"

#include <algorithm>
#include <cmath>

#include "isa.h"
#include "kernels/paste_mask.h"

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

/// Where a target pixel falls among the `source_size` pixels of a padded mask, as PyTorch's bilinear resize has it.
struct Sample {
  std::size_t first;
  std::size_t second;
  float weight;  ///< Of `second`.
};

Sample sample(std::int64_t target, std::int64_t target_size, std::size_t source_size) {
  const float scale = static_cast<float>(source_size) / static_cast<float>(target_size);
  const float position = std::max(0.0f, scale * (static_cast<float>(target) + 0.5f) - 0.5f);
  const std::size_t first = std::min(static_cast<std::size_t>(position), source_size - 1);
  const float weight = std::clamp(position - static_cast<float>(first), 0.0f, 1.0f);
  return {first, std::min(first + 1, source_size - 1), weight};
}

}  // namespace

bool paste_mask(std::span<const float> mask, std::size_t mask_size, const Box& box, std::int64_t image_height,
                std::int64_t image_width, float threshold, MaskCrop& crop, PasteWorkspace& workspace) {
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
  workspace.padded_mask.assign(padded * padded, 0.0f);
  for (std::size_t y = 0; y < mask_size; ++y) {
    std::copy_n(mask.data() + y * mask_size, mask_size, workspace.padded_mask.data() + (y + 1) * padded + 1);
  }
  const auto crop_width = static_cast<std::size_t>(right - left);
  const auto crop_height = static_cast<std::size_t>(bottom - top);
  workspace.first_columns.resize(crop_width + kernels::kPastedBlock);
  workspace.second_columns.resize(crop_width + kernels::kPastedBlock);
  workspace.column_weights.resize(crop_width + kernels::kPastedBlock);
  for (std::size_t x = 0; x < crop_width; ++x) {
    const Sample column = sample(left - at.left + static_cast<std::int64_t>(x), width, padded);
    workspace.first_columns[x] = static_cast<std::uint32_t>(column.first);
    workspace.second_columns[x] = static_cast<std::uint32_t>(column.second);
    workspace.column_weights[x] = column.weight;
  }
  crop.reset(crop_height, crop_width, left, top);
  workspace.mask_row.resize(std::max(padded, kernels::kPastedValues));
  const kernels::PasteRow paste_row = kernels::paste_row_kernel(active_isa(), padded);
  for (std::size_t y = 0; y < crop_height; ++y) {
    const Sample line = sample(top - at.top + static_cast<std::int64_t>(y), height, padded);
    const float* upper = workspace.padded_mask.data() + line.first * padded;
    const float* lower = workspace.padded_mask.data() + line.second * padded;
    for (std::size_t i = 0; i < padded; ++i) {
      workspace.mask_row[i] = (1 - line.weight) * upper[i] + line.weight * lower[i];
    }
    paste_row({workspace.mask_row.data(), workspace.first_columns.data(), workspace.second_columns.data(),
               workspace.column_weights.data(), crop_width, threshold, crop.inner_row(y)});
  }
  return true;
}

}  // namespace framecast
