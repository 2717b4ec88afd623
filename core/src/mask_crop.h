#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace framecast {

/// A crop of a mask with a border of one background pixel on each side.
struct MaskCrop {
  std::vector<std::uint8_t> pixels;  ///< [height * width], 0 or 1, border included and 0.
  std::size_t height = 0;
  std::size_t width = 0;
  std::int64_t left = 0;  ///< Image column of the crop's column 1.
  std::int64_t top = 0;   ///< Image row of the crop's row 1.

  /// Makes room for an inner area of the given size, all background.
  void reset(std::size_t inner_height, std::size_t inner_width, std::int64_t image_left, std::int64_t image_top) {
    height = inner_height + 2;
    width = inner_width + 2;
    left = image_left;
    top = image_top;
    pixels.assign(height * width, 0);
  }
  std::uint8_t* inner_row(std::size_t row) { return pixels.data() + (row + 1) * width + 1; }
};

}  // namespace framecast
