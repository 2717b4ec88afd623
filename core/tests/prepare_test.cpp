#include "framecast/prepare.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "check.h"
#include "random.h"

using namespace framecast;

namespace {

/// The rule, pixel by pixel in double.
double expected(const ImageView& image, std::size_t c, std::size_t x, std::size_t y, std::size_t width,
                std::size_t height) {
  auto clamp = [](double v, std::size_t size) { return std::clamp(v, 0.0, static_cast<double>(size - 1)); };
  const double sx =
      clamp((static_cast<double>(x) + 0.5) * static_cast<double>(image.width) / static_cast<double>(width) - 0.5,
            image.width);
  const double sy =
      clamp((static_cast<double>(y) + 0.5) * static_cast<double>(image.height) / static_cast<double>(height) - 0.5,
            image.height);
  auto at = [&](double px, double py) {
    return static_cast<double>(image.pixels[static_cast<std::ptrdiff_t>(py) * image.row_stride +
                                            3 * static_cast<std::ptrdiff_t>(px) + static_cast<std::ptrdiff_t>(c)]);
  };
  const double x0 = std::floor(sx), y0 = std::floor(sy);
  const double x1 = clamp(x0 + 1, image.width), y1 = clamp(y0 + 1, image.height);
  const double wx = sx - x0, wy = sy - y0;
  return (1 - wy) * ((1 - wx) * at(x0, y0) + wx * at(x1, y0)) + wy * ((1 - wx) * at(x0, y1) + wx * at(x1, y1));
}

}  // namespace

TEST(equals_the_rule_whatever_the_stride_and_region) {
  Random random(7);
  PrepareWorkspace workspace;
  for (int round = 0; round < 200; ++round) {
    const std::size_t height = 1 + random.below(30), width = 1 + random.below(30), stride = 3 * width + random.below(9);
    std::vector<std::uint8_t> pixels(height * stride);
    for (auto& pixel : pixels) pixel = static_cast<std::uint8_t>(random.below(256));
    const ImageView image{pixels.data(), height, width, static_cast<std::ptrdiff_t>(stride)};
    const Region region{static_cast<std::int32_t>(random.below(5)), static_cast<std::int32_t>(random.below(5)),
                        static_cast<std::int32_t>(1 + random.below(40)),
                        static_cast<std::int32_t>(1 + random.below(40))};
    const auto left = static_cast<std::size_t>(region.x), top = static_cast<std::size_t>(region.y);
    const auto region_width = static_cast<std::size_t>(region.width),
               region_height = static_cast<std::size_t>(region.height);
    const std::size_t out_height = top + region_height + random.below(4),
                      out_width = left + region_width + random.below(4);
    const bool reverse = random.below(2) == 1;
    const PrepareSettings settings{{0.5f, 1, 2}, {1, 0, -1}, {-7, -8, -9}, reverse, false};
    std::vector<float> out(3 * out_height * out_width, std::nanf(""));
    prepare({&image, 1}, {&region, 1}, settings, out, out_height, out_width, workspace);
    bool right = true;
    for (std::size_t c = 0; c < 3; ++c) {
      for (std::size_t y = 0; y < out_height; ++y) {
        for (std::size_t x = 0; x < out_width; ++x) {
          double value = settings.pad[c];
          if (x >= left && x < left + region_width && y >= top && y < top + region_height) {
            value = expected(image, reverse ? 2 - c : c, x - left, y - top, region_width, region_height) *
                        static_cast<double>(settings.gain[c]) +
                    static_cast<double>(settings.bias[c]);
          }
          right &= std::fabs(static_cast<double>(out[(c * out_height + y) * out_width + x]) - value) < 1e-3;
        }
      }
    }
    CHECK(right);
  }
}

TEST(refuses_what_does_not_fit) {
  PrepareWorkspace workspace;
  const std::uint8_t pixels[3] = {};
  const ImageView image{pixels, 1, 1, 3}, empty{pixels, 0, 1, 3};
  const Region region{0, 0, 2, 2}, outside{1, 0, 2, 2};
  const PrepareSettings settings{};
  std::vector<float> out(12);
  CHECK_REFUSES("images", prepare({&empty, 1}, {&region, 1}, settings, out, 2, 2, workspace));
  CHECK_REFUSES("regions", prepare({&image, 1}, {&outside, 1}, settings, out, 2, 2, workspace));
  CHECK_REFUSES("regions", prepare({&image, 1}, {}, settings, out, 2, 2, workspace));
  CHECK_REFUSES("out", prepare({&image, 1}, {&region, 1}, settings, out, 2, 3, workspace));
}
