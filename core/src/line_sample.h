#pragma once

#include <algorithm>
#include <cstddef>

#include "kernels/prepare.h"

namespace framecast {

/// Where a target pixel lies between two samples of a plane, along one axis.
struct LineSample {
  std::size_t first;
  std::size_t second;
  double weight;  ///< Of `second`.
};

/// One axis of a resize: an image's side, that of one of its planes, and the side of the region it goes to.
struct Axis {
  std::size_t image_size;
  std::size_t plane_size;
  std::size_t target_size;
  kernels::Siting siting;
  bool mirrored;  ///< The target runs the other way.

  LineSample at(std::size_t target) const {
    if (mirrored) target = target_size - 1 - target;
    // In double: a float32 of a few thousand pixels is off by 1e-4 of a pixel.
    const double scale = static_cast<double>(image_size) / static_cast<double>(target_size);
    double position = (static_cast<double>(target) + 0.5) * scale - 0.5;
    if (siting == kernels::Siting::first) position = position / 2;
    if (siting == kernels::Siting::between) position = position / 2 - 0.25;
    position = std::clamp(position, 0.0, static_cast<double>(plane_size - 1));
    const auto first = static_cast<std::size_t>(position);
    return {first, std::min(first + 1, plane_size - 1), position - static_cast<double>(first)};
  }
};

}  // namespace framecast
