#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "framecast/box.h"
#include "framecast/thread_pool.h"

namespace framecast {

/// Where a resized image lies in its network's input. Laid out as a row of a float32 [B, 4] array.
struct Placement {
  float x;  ///< Left edge in the tensor; negative where the image is cropped.
  float y;
  float scale_x;  ///< Tensor pixels per source pixel.
  float scale_y;
};
static_assert(sizeof(Placement) == 4 * sizeof(float));

/// Boxes in tensor pixels, and those of them that go on: image b owns entries splits[b] to splits[b + 1] of `rows`.
struct PlacedBoxes {
  std::span<const Box> boxes;                 ///< [N]
  std::span<const std::int64_t> rows;         ///< [K] rows of `boxes`, as `nms` gives them.
  std::span<const std::int64_t> splits;       ///< [B + 1]
  std::span<const Placement> placements;      ///< [B], finite, scales above 0.
  std::span<const std::int32_t> image_sizes;  ///< [B * 2]: height, width of the source image, at least 0.
};

/// The boxes that are seen in their image: image b owns rows splits[b] to splits[b + 1].
struct SourceBoxes {
  std::vector<Box> boxes;            ///< In source pixels.
  std::vector<std::int64_t> rows;    ///< Rows of the boxes that were given.
  std::vector<std::int64_t> splits;  ///< [B + 1]
};

/// Maps boxes from their network's input back to the pixels of their images: (coordinate - offset) / scale.
///
/// Boxes are cut at the image's border where `clip`. A box without area inside the image, such as one in the padding,
/// or one with a NaN is dropped, whether or not `clip`. Images are shared among the threads of `pool`, where there is
/// one. Throws std::invalid_argument, naming the argument, where lengths or values do not fit.
void map_boxes(const PlacedBoxes& placed, bool clip, SourceBoxes& out, ThreadPool* pool = nullptr);

}  // namespace framecast
