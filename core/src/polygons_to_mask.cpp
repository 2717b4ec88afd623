#include "framecast/polygons_to_mask.h"

#include <algorithm>
#include <cmath>

#include "argument.h"

namespace framecast {
namespace {

/// The first pixel of a row, or column of a line, whose centre is not before `position`; within [0, limit].
std::size_t first_centre(double position, std::size_t limit) {
  return static_cast<std::size_t>(std::clamp(std::ceil(position - 0.5), 0.0, static_cast<double>(limit)));
}

/// Flips, in each row that the edge passes, the pixel from which the row's centres lie to its right.
void toggle_edge(Point a, Point b, std::size_t height, std::size_t width, std::uint8_t* mask) {
  if (a.y > b.y) std::swap(a, b);
  const double slope = (static_cast<double>(b.x) - a.x) / (static_cast<double>(b.y) - a.y);
  const std::size_t end = first_centre(b.y, height);
  for (std::size_t y = first_centre(a.y, height); y < end; ++y) {
    const std::size_t x = first_centre(a.x + (static_cast<double>(y) + 0.5 - a.y) * slope, width);
    if (x < width) mask[y * width + x] ^= 1;
  }
}

}  // namespace

void polygons_to_mask(std::span<const Point> points, std::span<const std::int64_t> ring_splits, std::size_t height,
                      std::size_t width, std::span<std::uint8_t> mask) {
  require_splits(ring_splits, points.size(), "ring_splits");
  require_finite(points, "points: must be finite");
  require(mask.size() == height * width, "mask: must be height * width long");
  std::fill(mask.begin(), mask.end(), std::uint8_t{0});
  for (std::size_t r = 0; r + 1 < ring_splits.size(); ++r) {
    const auto begin = static_cast<std::size_t>(ring_splits[r]);
    const auto end = static_cast<std::size_t>(ring_splits[r + 1]);
    for (std::size_t i = begin; i < end; ++i) {
      toggle_edge(points[i], points[i + 1 < end ? i + 1 : begin], height, width, mask.data());
    }
  }
  for (std::size_t y = 0; y < height; ++y) {
    std::uint8_t* row = mask.data() + y * width;
    for (std::size_t x = 1; x < width; ++x) row[x] ^= row[x - 1];
  }
}

}  // namespace framecast
