#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "framecast/box.h"
#include "mask_runs.h"
#include "upsample_mask.h"

namespace framecast {

/// Memory of `paste_mask`, reused across calls.
struct PasteScratch {
  UpsampledMask mask;
  UpsampleScratch upsample;
};

/// Upsamples a soft mask [mask_size * mask_size] into its box, as torchvision's paste_masks_in_image does, or, with
/// `exact_box`, as Detectron2's.
///
/// `runs` become the box's part of the image, mask where the value > threshold. False, with no more said, if the box is
/// not finite, beyond +-2^30 or outside the image.
bool paste_mask(std::span<const float> mask, std::size_t mask_size, const Box& box, std::int64_t image_height,
                std::int64_t image_width, float threshold, bool exact_box, MaskRuns& runs, PasteScratch& scratch);

}  // namespace framecast
