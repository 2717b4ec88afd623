#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "framecast/box.h"
#include "mask_crop.h"

namespace framecast {

/// Memory of `paste_mask`, reused across calls.
struct PasteWorkspace {
  std::vector<float> padded_mask;
  std::vector<float> mask_row;
  std::vector<std::uint32_t> first_columns;
  std::vector<std::uint32_t> second_columns;
  std::vector<float> column_weights;
};

/// Upsamples a soft mask [mask_size * mask_size] into its box, as torchvision's paste_masks_in_image does.
///
/// The crop becomes the box's part of the image, 1 where the value > threshold. False, with the crop untouched, if the
/// box is not finite, beyond +-2^30 or outside the image.
bool paste_mask(std::span<const float> mask, std::size_t mask_size, const Box& box, std::int64_t image_height,
                std::int64_t image_width, float threshold, MaskCrop& crop, PasteWorkspace& workspace);

}  // namespace framecast
