#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "framecast/box.h"
#include "framecast/polygons.h"
#include "framecast/thread_pool.h"

namespace framecast {

/// Soft instance masks as a Mask R-CNN head gives them.
struct SoftMasks {
  std::span<const float> probabilities;       ///< [K * M * M]
  std::size_t size;                           ///< M
  std::span<const Box> boxes;                 ///< [K], pixels of the source image.
  std::span<const std::int32_t> image_sizes;  ///< [K * 2]: height, width of each instance's image, at least 1.
  bool exact_boxes = false;                   ///< A mask fills its box as it is, not the pixels that the box touches.
};

/// Masks of whole images.
struct BinaryMasks {
  std::span<const std::uint8_t> pixels;  ///< [K * height * width], non-zero = mask.
  std::size_t height;
  std::size_t width;
};

/// Memory of the functions below, reused across calls; one per thread.
class MaskWorkspace {
 public:
  MaskWorkspace();
  ~MaskWorkspace();
  struct State;
  State& state() { return *state_; }

 private:
  std::unique_ptr<State> state_;
};

/// Turns soft masks into polygons of the source image.
///
/// A mask is upsampled into its box as torchvision's paste_masks_in_image does (one pixel of padding, box truncated to
/// integers, bilinear with half-pixel centres), or with `exact_boxes` as Detectron2's, and is where the value >
/// threshold; pixels are never held, only where the rows of the box enter and leave the mask. Polygons follow the
/// pixels' edges, so without simplification they fill back to the identical mask; the mask's pixels are 4-connected,
/// its holes 8-connected; no ring touches itself. rdp_thresholds is [K], finite, at least 0: epsilon of each ring =
/// threshold * the ring's perimeter. The result is valid (every ring simple, holes inside their exterior, parts apart,
/// as OGC defines it): a ring that breaks this keeps more points, in the end all of them. An instance whose box is not
/// finite, beyond +-2^30 or outside its image, or whose mask has no pixel, has no parts. NaN probabilities spread to
/// the pixels that they are interpolated into, which are then not mask. The threads of `pool` share the instances.
/// Throws std::invalid_argument, naming the argument; `threshold` must be finite.
void masks_to_polygons(const SoftMasks& masks, float threshold, std::span<const float> rdp_thresholds, Polygons& out,
                       MaskWorkspace& workspace, ThreadPool* pool = nullptr);

/// The same for masks that are already pixels; rdp_thresholds is [K].
void binary_masks_to_polygons(const BinaryMasks& masks, std::span<const float> rdp_thresholds, Polygons& out,
                              MaskWorkspace& workspace, ThreadPool* pool = nullptr);

}  // namespace framecast
