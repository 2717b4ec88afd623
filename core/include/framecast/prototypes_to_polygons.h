#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "framecast/box.h"
#include "framecast/masks_to_polygons.h"
#include "framecast/polygons.h"
#include "framecast/thread_pool.h"

namespace framecast {

/// Masks as heads with prototypes give them (YOLACT, Bolya et al. 2019; YOLOv5-seg): per image P small masks, per
/// instance how much of each.
struct PrototypeMasks {
  std::span<const float> prototypes;  ///< [B * P * height * width]
  std::size_t count;                  ///< P
  std::size_t height;
  std::size_t width;
  std::span<const float> coefficients;        ///< [K * P]
  std::span<const Box> boxes;                 ///< [K], pixels of the source image.
  std::span<const std::int64_t> splits;       ///< [B + 1]: image b has instances splits[b] to splits[b + 1].
  std::span<const std::int32_t> image_sizes;  ///< [B * 2]: height, width, in [1, 2^24].
  /// [B * 4]: x, y, width, height of the image in the network's input, as given to `prepare`.
  std::span<const std::int32_t> regions;
  std::int32_t input_height;  ///< Of the network's input, all of which the prototypes show.
  std::int32_t input_width;
};

struct PrototypeSettings {
  float threshold;       ///< Mask is where the value > threshold.
  bool sigmoid;          ///< Of the sum of the prototypes, before it is resized.
  bool crop_prototypes;  ///< Prototype pixels outside the box become 0 before the resize; then threshold is at least 0.
};

/// Turns prototype masks into polygons as `masks_to_polygons` does, with the same promises.
///
/// value = sum over p of coefficients[p] * prototypes[p], then the sigmoid where asked for; resized bilinearly from the
/// image's region of the prototypes to the source image, with half-pixel centres and edges clamped to the prototype
/// pixels that the region touches: PyTorch's interpolate(align_corners=False) of that part, where it is whole pixels.
/// Then cropped: source column j is kept where x1 <= j < x2, rows likewise. With crop_prototypes, prototype columns are
/// kept where x1 <= j < x2 of the box in prototype pixels instead, as YOLOv5's process_mask does it, and the mask fades
/// out over half a prototype pixel. Only what the box needs is computed. Sums go from the first to the last prototype.
/// An instance whose box has a NaN, or no pixel in its image, has no parts; NaN values are not mask.
/// Throws std::invalid_argument, naming the argument.
void prototypes_to_polygons(const PrototypeMasks& masks, const PrototypeSettings& settings,
                            std::span<const float> rdp_thresholds, Polygons& out, MaskWorkspace& workspace,
                            ThreadPool* pool = nullptr);

}  // namespace framecast
