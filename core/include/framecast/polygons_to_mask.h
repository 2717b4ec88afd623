#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "framecast/point.h"

namespace framecast {

/// Fills rings by the even-odd rule: a pixel is 1 where its centre (x + 0.5, y + 0.5) is inside, else 0.
///
/// Ring r owns points ring_splits[r] to ring_splits[r + 1]; all rings are filled together, so a hole cuts out of its
/// exterior. A centre exactly on a left or upper edge is inside, on a right or lower edge outside. Parts outside the
/// mask are cut off. `mask` is [height * width] and wholly overwritten.
/// Throws std::invalid_argument, naming the argument; points must be finite.
void polygons_to_mask(std::span<const Point> points, std::span<const std::int64_t> ring_splits, std::size_t height,
                      std::size_t width, std::span<std::uint8_t> mask);

}  // namespace framecast
