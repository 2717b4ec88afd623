#include "framecast/masks_to_polygons.h"

#include <cmath>

#include "argument.h"
#include "mask_workspace.h"

namespace framecast {
namespace {

constexpr const char* kRdpMessage = "rdp_thresholds: must be finite and not negative";
/// Beyond this a pixel corner is no longer exact in float32.
constexpr std::int64_t kLargestImage = 1 << 24;

}  // namespace

void masks_to_polygons(const SoftMasks& masks, float threshold, std::span<const float> rdp_thresholds, Polygons& out,
                       MaskWorkspace& workspace, ThreadPool* pool) {
  const std::size_t count = masks.boxes.size();
  const std::size_t mask_pixels = masks.size * masks.size;
  require(masks.size > 0 || count == 0, "masks: must not be empty");
  require(masks.size <= kLargestImage, "masks: must be at most 2^24 on a side");
  require(masks.probabilities.size() == count * mask_pixels, "masks: must be [boxes, size, size]");
  require(masks.image_sizes.size() == 2 * count, "image_sizes: must have one row per mask");
  for (std::int32_t size : masks.image_sizes) {
    require(size > 0 && size <= kLargestImage, "image_sizes: must be in [1, 2^24]");
  }
  require(std::isfinite(threshold), "threshold: must be finite");
  require(rdp_thresholds.size() == count, "rdp_thresholds: must have one entry per mask");
  require_lengths(rdp_thresholds, kRdpMessage);
  outline_instances(rdp_thresholds, out, workspace, pool, [&](std::size_t k, MaskScratch& scratch) {
    return paste_mask(masks.probabilities.subspan(k * mask_pixels, mask_pixels), masks.size, masks.boxes[k],
                      masks.image_sizes[2 * k], masks.image_sizes[2 * k + 1], threshold, masks.exact_boxes,
                      scratch.runs, scratch.paste);
  });
}

void binary_masks_to_polygons(const BinaryMasks& masks, std::span<const float> rdp_thresholds, Polygons& out,
                              MaskWorkspace& workspace, ThreadPool* pool) {
  const std::size_t count = rdp_thresholds.size();
  require(masks.pixels.size() == count * masks.height * masks.width, "rdp_thresholds: must have one entry per mask");
  require(masks.height <= kLargestImage && masks.width <= kLargestImage, "masks: must be at most 2^24 on a side");
  require_lengths(rdp_thresholds, kRdpMessage);
  outline_instances(rdp_thresholds, out, workspace, pool, [&](std::size_t k, MaskScratch& scratch) {
    find_runs(masks.pixels.subspan(k * masks.height * masks.width, masks.height * masks.width), masks.height,
              masks.width, scratch.runs);
    return true;
  });
}

}  // namespace framecast
