#pragma once

#include <cstddef>

#include "framecast/decode_keypoints.h"

namespace framecast {

/// How often a map's border is repeated at each side.
constexpr std::size_t kBicubicBorder = 2;

/// The highest pixel of a stretched map.
struct BicubicPeak {
  std::size_t x;
  std::size_t y;
  float value;  ///< NaN where the map has a number that cannot be stretched; x and y mean nothing then.
};

/// Where and with which weights `count` pixels lie on `size` source values.
void sample_bicubic(std::size_t size, std::size_t count, BicubicAxis& axis);

/// Row y of a map of the given width that is about to be searched; the caller fills it.
inline float* map_row(KeypointScratch& scratch, std::size_t y, std::size_t width) {
  return scratch.map.data() + (y + kBicubicBorder) * (width + 2 * kBicubicBorder) + kBicubicBorder;
}

/// Makes room for a map and for `columns` pixels in a row; `map_row` and `find_peak` may follow, any number of times.
void reserve_map(std::size_t height, std::size_t width, std::size_t columns, KeypointScratch& scratch);

/// Searches the map that lies in scratch, stretched over the pixels of scratch.rows and scratch.columns.
///
/// Ties go to the upper, then the left pixel. A pixel is the sum over rows of weight * (sum over columns of weight *
/// value), each from the first to the last of four, in float32.
BicubicPeak find_peak(std::size_t height, std::size_t width, KeypointScratch& scratch);

}  // namespace framecast
