#include <cmath>
#include <vector>

#include "bicubic_peak.h"
#include "framecast/decode_keypoints.h"
#include "fuzz_input.h"

namespace {

bool usable(float value) { return std::fabs(value) <= 1e37f; }

bool finite(const framecast::Box& box) {
  return std::isfinite(box.x1) && std::isfinite(box.y1) && std::isfinite(box.x2) && std::isfinite(box.y2);
}

/// NaN, and more than 8192, means a box that cannot be used.
float pixels(float low, float high) { return std::ceil(std::max(high - low, 1.0f)); }

/// The highest of all stretched pixels, each computed without a bound.
float highest(const float* map, std::size_t height, std::size_t width, std::size_t rows, std::size_t columns) {
  framecast::BicubicAxis down, across;
  framecast::sample_bicubic(height, rows, down);
  framecast::sample_bicubic(width, columns, across);
  // Cell c mixes values c - 2 to c + 1.
  auto value_at = [](std::size_t cell, std::size_t tap, std::size_t size) {
    return std::min(cell + tap < 2 ? 0 : cell + tap - 2, size - 1);
  };
  float top = -INFINITY;
  for (std::size_t r = 0; r <= height; ++r) {
    for (std::size_t c = 0; c <= width; ++c) {
      for (std::size_t y = down.cell_begin[r]; y < down.cell_begin[r + 1]; ++y) {
        for (std::size_t x = across.cell_begin[c]; x < across.cell_begin[c + 1]; ++x) {
          float pixel = 0;
          for (std::size_t j = 0; j < 4; ++j) {
            float row = 0;
            for (std::size_t i = 0; i < 4; ++i) {
              row += map[value_at(r, j, height) * width + value_at(c, i, width)] * across.weights[i * columns + x];
            }
            pixel += row * down.weights[j * rows + y];
          }
          top = std::max(top, pixel);
        }
      }
    }
  }
  return top;
}

}  // namespace

// Any maps and boxes: NaN exactly where promised, else a point of the box and the highest value of the stretched map.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  FuzzInput input(data, size);
  const auto instances = input.in_range<std::size_t>(0, 3), keypoints = input.in_range<std::size_t>(0, 3);
  const auto height = input.in_range<std::size_t>(1, 12), width = input.in_range<std::size_t>(1, 12);
  const std::size_t area = height * width;
  std::vector<framecast::Box> boxes(instances);
  for (framecast::Box& box : boxes) {
    box = {input.number(), input.number(), input.number(), input.number()};
    // Large maps take too long here; what is refused may be as large as it likes.
    if (pixels(box.x1, box.x2) <= 8192) box.x2 = std::min(box.x2, box.x1 + 40);
    if (pixels(box.y1, box.y2) <= 8192) box.y2 = std::min(box.y2, box.y1 + 40);
  }
  const std::vector<float> some = input.numbers(1 + input.remaining() / 3);
  std::vector<float> maps(instances * keypoints * area);
  for (std::size_t i = 0; i < maps.size(); ++i) maps[i] = some[i * 7 % some.size()];
  framecast::Keypoints out;
  framecast::KeypointWorkspace workspace;
  framecast::decode_keypoints({maps, boxes, keypoints, height, width}, out, workspace);
  FUZZ_CHECK(out.points.size() == instances * keypoints && out.scores.size() == instances * keypoints);
  for (std::size_t k = 0; k < out.scores.size(); ++k) {
    const framecast::Box& box = boxes[k / keypoints];
    bool good = finite(box) && pixels(box.x1, box.x2) <= 8192 && pixels(box.y1, box.y2) <= 8192;
    for (std::size_t i = k * area; i < (k + 1) * area; ++i) good = good && usable(maps[i]);
    const framecast::Point& point = out.points[k];
    FUZZ_CHECK(std::isnan(out.scores[k]) == !good);
    FUZZ_CHECK(std::isnan(point.x) == !good && std::isnan(point.y) == !good);
    if (!good) continue;
    const auto columns = static_cast<std::size_t>(pixels(box.x1, box.x2));
    const auto rows = static_cast<std::size_t>(pixels(box.y1, box.y2));
    FUZZ_CHECK(out.scores[k] == highest(maps.data() + k * area, height, width, rows, columns));
    FUZZ_CHECK(point.x >= box.x1 && point.x <= std::nextafter(box.x1 + std::max(box.x2 - box.x1, 1.0f), INFINITY));
    FUZZ_CHECK(point.y >= box.y1 && point.y <= std::nextafter(box.y1 + std::max(box.y2 - box.y1, 1.0f), INFINITY));
  }
  return 0;
}
