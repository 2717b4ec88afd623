#include "framecast/prepare.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
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

/// The rule in float32, in the order of operations that every path must keep.
float reference(const ImageView& image, std::size_t c, std::size_t x, std::size_t y, const Region& region,
                const PrepareSettings& settings, std::size_t out_channel) {
  struct Sample {
    std::size_t first;
    std::size_t second;
    float weight;
  };
  auto sample = [](std::size_t target, std::size_t source_size, std::int32_t target_size) {
    const double scale = static_cast<double>(source_size) / target_size;
    const double position =
        std::clamp((static_cast<double>(target) + 0.5) * scale - 0.5, 0.0, static_cast<double>(source_size - 1));
    const auto first = static_cast<std::size_t>(position);
    return Sample{first, std::min(first + 1, source_size - 1),
                  static_cast<float>(position - static_cast<double>(first))};
  };
  const Sample column = sample(x, image.width, region.width), line = sample(y, image.height, region.height);
  auto across = [&](std::size_t row) {
    const std::uint8_t* pixels = image.pixels + static_cast<std::ptrdiff_t>(row) * image.row_stride;
    return (1 - column.weight) * static_cast<float>(pixels[3 * column.first + c]) +
           column.weight * static_cast<float>(pixels[3 * column.second + c]);
  };
  float value = (1 - line.weight) * across(line.first) + line.weight * across(line.second);
  if (settings.round_to_uint8) value = std::floor(value + 0.5f);
  return value * settings.gain[out_channel] + settings.bias[out_channel];
}

/// Bytes that end where a page begins that must not be touched.
class GuardedBytes {
 public:
  explicit GuardedBytes(std::size_t size) : page_(static_cast<std::size_t>(sysconf(_SC_PAGESIZE))) {
    length_ = (size + page_ - 1) / page_ * page_ + page_;
    memory_ = mmap(nullptr, length_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory_ == MAP_FAILED) throw std::runtime_error("mmap failed");
    guard_ = static_cast<std::uint8_t*>(memory_) + length_ - page_;
    if (mprotect(guard_, page_, PROT_NONE) != 0) throw std::runtime_error("mprotect failed");
    data_ = guard_ - size;
  }
  ~GuardedBytes() { munmap(memory_, length_); }
  GuardedBytes(const GuardedBytes&) = delete;
  GuardedBytes& operator=(const GuardedBytes&) = delete;

  std::uint8_t* data() { return data_; }

 private:
  std::size_t page_;
  std::size_t length_;
  void* memory_;
  std::uint8_t* guard_;
  std::uint8_t* data_;
};

void check_every_bit(std::size_t height, std::size_t width, const Region& region, bool round_to_uint8, Random& random,
                     PrepareWorkspace& workspace) {
  GuardedBytes pixels(height * width * 3);
  for (std::size_t i = 0; i < height * width * 3; ++i) pixels.data()[i] = static_cast<std::uint8_t>(random.bits());
  const ImageView image{pixels.data(), height, width, static_cast<std::ptrdiff_t>(3 * width)};
  const bool reverse = random.below(2) == 1;
  const PrepareSettings settings{
      {0.017f, 0.0175f, 0.0174f}, {-2.1f, -2.03f, -1.8f}, {0, 0, 0}, reverse, round_to_uint8};
  const auto out_height = static_cast<std::size_t>(region.height), out_width = static_cast<std::size_t>(region.width);
  std::vector<float> out(3 * out_height * out_width + 1, -77);
  prepare({&image, 1}, {&region, 1}, settings, {out.data(), out.size() - 1}, out_height, out_width, workspace);
  std::size_t wrong = 0;
  for (std::size_t c = 0; c < 3; ++c) {
    for (std::size_t y = 0; y < out_height; ++y) {
      for (std::size_t x = 0; x < out_width; ++x) {
        const float expected = reference(image, reverse ? 2 - c : c, x, y, region, settings, c);
        const float got = out[(c * out_height + y) * out_width + x];
        wrong += std::bit_cast<std::uint32_t>(expected) != std::bit_cast<std::uint32_t>(got);
      }
    }
  }
  CHECK(wrong == 0);
  CHECK(out.back() == -77);
}

}  // namespace

TEST(every_path_gives_the_same_bits_and_reads_nothing_outside) {
  Random random(11);
  PrepareWorkspace workspace;
  auto one = [&](std::size_t height, std::size_t width, std::int32_t out_height, std::int32_t out_width) {
    for (bool round_to_uint8 : {false, true}) {
      check_every_bit(height, width, {0, 0, out_width, out_height}, round_to_uint8, random, workspace);
    }
  };
  // Around the kernels' block widths, from one pixel on, magnified, at scale 1, and reduced beyond a block's reach.
  for (std::size_t width : {1, 2, 3, 4, 7, 20, 21, 22, 43, 64, 85, 200, 641}) {
    for (std::int32_t out_width : {1, 7, 8, 15, 16, 17, 24, 31, 33, 64, 100}) one(3, width, 4, out_width);
    one(5, width, 5, static_cast<std::int32_t>(width));
  }
  for (int round = 0; round < 60; ++round) {
    one(1 + random.below(20), 1 + random.below(400), static_cast<std::int32_t>(1 + random.below(20)),
        static_cast<std::int32_t>(1 + random.below(200)));
  }
}

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
