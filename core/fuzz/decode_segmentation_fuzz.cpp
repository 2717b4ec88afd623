#include <cmath>
#include <vector>

#include "framecast/decode_segmentation.h"
#include "fuzz_input.h"

namespace {

/// The value of one channel at one pixel, with no regard to its neighbours.
double at(const float* map, std::size_t height, std::size_t width, double x, double y) {
  const double inside_x = std::clamp(x, 0.0, static_cast<double>(width - 1));
  const double inside_y = std::clamp(y, 0.0, static_cast<double>(height - 1));
  const auto left = static_cast<std::size_t>(inside_x), upper = static_cast<std::size_t>(inside_y);
  const std::size_t right = std::min(left + 1, width - 1), lower = std::min(upper + 1, height - 1);
  const double across = inside_x - static_cast<double>(left), down = inside_y - static_cast<double>(upper);
  const double top = map[upper * width + left] * (1 - across) + map[upper * width + right] * across;
  const double bottom = map[lower * width + left] * (1 - across) + map[lower * width + right] * across;
  return top * (1 - down) + bottom * down;
}

}  // namespace

// Any maps and regions: runs that cover the picture, areas that are theirs, and the highest channel at each pixel.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  FuzzInput input(data, size);
  const auto batch = input.in_range<std::size_t>(0, 2), channels = input.in_range<std::size_t>(2, 5);
  const auto height = input.in_range<std::size_t>(1, 6), width = input.in_range<std::size_t>(1, 6);
  const bool background = input.flag(), odd = input.flag();
  const std::size_t classes = channels - background, area = height * width;
  std::vector<framecast::MapRegion> regions(batch);
  std::vector<std::int32_t> sizes(2 * batch);
  std::vector<float> thresholds(batch);
  for (std::size_t b = 0; b < batch; ++b) {
    regions[b] = {static_cast<float>(input.take<std::int8_t>()) / 32,
                  static_cast<float>(input.take<std::int8_t>()) / 32, static_cast<float>(input.in_range(1, 60)) / 8,
                  static_cast<float>(input.in_range(1, 60)) / 8};
    sizes[2 * b] = input.in_range<std::int32_t>(1, 20);
    sizes[2 * b + 1] = input.in_range<std::int32_t>(1, 20);
    thresholds[b] = input.flag() ? 0 : input.fraction();
  }
  std::vector<std::uint8_t> allowed;
  if (input.flag()) {
    for (std::size_t i = 0; i < batch * classes; ++i) allowed.push_back(input.flag());
  }
  std::vector<float> logits(batch * channels * area);
  for (float& logit : logits) logit = odd ? input.number() : static_cast<float>(input.take<std::int8_t>()) / 16;
  framecast::LabelRuns out;
  framecast::SegmentationWorkspace workspace;
  framecast::decode_segmentation({logits, channels, height, width, regions, sizes, background}, {thresholds, allowed},
                                 out, workspace);
  FUZZ_CHECK(out.splits.size() == batch + 1 && out.areas.size() == batch * classes);
  for (std::size_t b = 0; b < batch; ++b) {
    const framecast::MapRegion& region = regions[b];
    const std::int32_t rows = sizes[2 * b], columns = sizes[2 * b + 1];
    std::vector<std::int64_t> areas(classes);
    std::int64_t pixel = 0;
    for (auto run = static_cast<std::size_t>(out.splits[b]); run < static_cast<std::size_t>(out.splits[b + 1]); ++run) {
      const std::int32_t label = out.classes[run];
      FUZZ_CHECK(label >= -1 && label < static_cast<std::int32_t>(classes) && out.lengths[run] > 0);
      if (label >= 0) {
        areas[static_cast<std::size_t>(label)] += out.lengths[run];
        FUZZ_CHECK(allowed.empty() || allowed[b * classes + static_cast<std::size_t>(label)] != 0);
      }
      for (std::uint32_t i = 0; i < out.lengths[run]; ++i, ++pixel) {
        if (odd || label < 0) continue;
        const double x = region.x + (static_cast<double>(pixel % columns) + 0.5) * region.width / columns - 0.5;
        const double y = region.y + (static_cast<double>(pixel / columns) + 0.5) * region.height / rows - 0.5;
        const float* const maps = logits.data() + b * channels * area;
        const double own = at(maps + static_cast<std::size_t>(label + background) * area, height, width, x, y);
        double sum = 0;
        for (std::size_t c = 0; c < channels; ++c) {
          const double other = at(maps + c * area, height, width, x, y);
          FUZZ_CHECK(other <= own + 1e-4);
          sum += std::exp(other - own);
        }
        FUZZ_CHECK(1 / sum > thresholds[b] - 1e-4);
      }
    }
    FUZZ_CHECK(pixel == std::int64_t{rows} * columns);
    for (std::size_t c = 0; c < classes; ++c) FUZZ_CHECK(areas[c] == out.areas[b * classes + c]);
  }
  return 0;
}
