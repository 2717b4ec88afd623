#include "framecast/decode_keypoints.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "argument.h"
#include "bicubic_peak.h"
#include "values.h"

namespace framecast {
namespace {

constexpr std::size_t kLongestMapSide = 4096;
constexpr float kLongestBoxSide = 8192;

void check(const KeypointHeadOutputs& outputs) {
  const std::size_t height = outputs.height, width = outputs.width, count = outputs.heatmaps.size;
  require(height >= 1 && height <= kLongestMapSide && width >= 1 && width <= kLongestMapSide,
          "heatmaps: height and width must be in [1, 4096]");
  const std::size_t area = height * width;
  // Divided, so that no product can overflow.
  const bool fits = outputs.boxes.empty() || outputs.keypoints == 0
                        ? count == 0
                        : count % area == 0 && count / area % outputs.keypoints == 0 &&
                              count / area / outputs.keypoints == outputs.boxes.size();
  require(fits, "heatmaps: must be [boxes, keypoints, height, width]");
  require_quantization(outputs.heatmaps, "heatmaps: must have a positive scale and a zero point of its type");
}

/// A box's side and the pixels that it is stretched over.
struct Side {
  Side(float low, float high) : length(std::max(high - low, 1.0f)), pixels(std::ceil(length)) {}
  /// false for NaN as well.
  bool fits() const { return pixels <= kLongestBoxSide; }
  float place(std::size_t pixel) const { return (static_cast<float>(pixel) + 0.5f) * (length / pixels); }

  float length;
  float pixels;
};

bool is_finite(const Box& box) {
  return std::isfinite(box.x1) && std::isfinite(box.y1) && std::isfinite(box.x2) && std::isfinite(box.y2);
}

void decode_instance(const KeypointHeadOutputs& outputs, std::size_t k, Keypoints& out, KeypointScratch& scratch) {
  const std::size_t keypoints = outputs.keypoints, height = outputs.height, width = outputs.width;
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  const Box& box = outputs.boxes[k];
  const Side across(box.x1, box.x2), down(box.y1, box.y2);
  if (!is_finite(box) || !across.fits() || !down.fits()) {
    std::fill_n(out.points.begin() + static_cast<std::ptrdiff_t>(k * keypoints), keypoints, Point{kNan, kNan});
    std::fill_n(out.scores.begin() + static_cast<std::ptrdiff_t>(k * keypoints), keypoints, kNan);
    return;
  }
  const auto columns = static_cast<std::size_t>(across.pixels);
  sample_bicubic(width, columns, scratch.columns);
  sample_bicubic(height, static_cast<std::size_t>(down.pixels), scratch.rows);
  reserve_map(height, width, columns, scratch);
  for (std::size_t j = k * keypoints; j < (k + 1) * keypoints; ++j) {
    with_values(outputs.heatmaps, [&](auto values) {
      const auto map = values.from(j * height * width);
      for (std::size_t y = 0; y < height; ++y) {
        float* const row = map_row(scratch, y, width);
        for (std::size_t x = 0; x < width; ++x) row[x] = map[y * width + x];
      }
    });
    const BicubicPeak peak = find_peak(height, width, scratch);
    const bool found = !std::isnan(peak.value);
    out.points[j] = found ? Point{across.place(peak.x) + box.x1, down.place(peak.y) + box.y1} : Point{kNan, kNan};
    out.scores[j] = peak.value;
  }
}

}  // namespace

void decode_keypoints(const KeypointHeadOutputs& outputs, Keypoints& out, KeypointWorkspace& workspace,
                      ThreadPool* pool) {
  check(outputs);
  out.points.resize(outputs.boxes.size() * outputs.keypoints);
  out.scores.resize(out.points.size());
  workspace.threads.resize(std::max(workspace.threads.size(), thread_count(pool)));
  run(pool, outputs.boxes.size(), [&](std::size_t instance, std::size_t thread) {
    decode_instance(outputs, instance, out, workspace.threads[thread]);
  });
}

}  // namespace framecast
