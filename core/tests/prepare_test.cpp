#include "framecast/prepare.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <memory>
#include <stdexcept>

#include "allocations.h"
#include "check.h"
#include "guarded_bytes.h"
#include "half.h"
#include "prepare_rule.h"
#include "random.h"

using namespace framecast;

namespace {

constexpr PixelFormat kFormats[] = {PixelFormat::rgb, PixelFormat::rgba, PixelFormat::gray, PixelFormat::i420,
                                    PixelFormat::nv12};

/// An image of random samples; nothing behind a plane may be read.
struct RandomImage {
  RandomImage(PixelFormat format, std::size_t height, std::size_t width, Random& random) {
    const std::size_t pixel_bytes = format == PixelFormat::rgb ? 3 : format == PixelFormat::rgba ? 4 : 1;
    view = {nullptr, height, width, 0, format};
    view.pixels = plane(height, width * pixel_bytes, view.row_stride, random);
    const std::size_t chroma_height = (height + 1) / 2, chroma_width = (width + 1) / 2;
    if (format == PixelFormat::i420) {
      for (std::size_t i = 0; i < 2; ++i) {
        view.chroma[i] = plane(chroma_height, chroma_width, view.chroma_strides[i], random);
      }
    } else if (format == PixelFormat::nv12) {
      view.chroma[0] = plane(chroma_height, 2 * chroma_width, view.chroma_strides[0], random);
    }
    view.yuv.matrix = static_cast<YuvMatrix>(random.below(3));
    view.yuv.full_range = random.below(2) == 1;
    view.yuv.siting = static_cast<ChromaSiting>(random.below(3));
  }

  const std::uint8_t* plane(std::size_t height, std::size_t row_bytes, std::ptrdiff_t& stride, Random& random) {
    const std::size_t apart = row_bytes + random.below(3) * 5;
    planes.push_back(std::make_unique<GuardedBytes>((height - 1) * apart + row_bytes));
    std::uint8_t* bytes = planes.back()->data();
    for (std::size_t i = 0; i < (height - 1) * apart + row_bytes; ++i) {
      bytes[i] = static_cast<std::uint8_t>(random.bits());
    }
    stride = static_cast<std::ptrdiff_t>(apart);
    if (random.below(4) > 0) return bytes;
    stride = -stride;  // Upside down in memory.
    return bytes + (height - 1) * apart;
  }

  ImageView view{};
  std::vector<std::unique_ptr<GuardedBytes>> planes;
};

std::size_t bytes_of(ElementType type) {
  return type == ElementType::float32 ? 4 : type == ElementType::float16 ? 2 : 1;
}

/// A tensor of one slot, or every second slot of a bigger one, with a byte behind it.
struct Output {
  Output(ElementType type, Layout layout, std::size_t images, std::size_t height, std::size_t width, std::size_t every)
      : memory(every * images * 3 * height * width * bytes_of(type) + 64 + 1, 0xa5) {
    tensor = {
        memory.data(), type, layout, images, height, width, static_cast<std::ptrdiff_t>(every * 3 * height * width)};
    // At an alignment that is the element's and no more.
    const auto odd = reinterpret_cast<std::uintptr_t>(memory.data()) % 64;
    tensor.data = memory.data() + (odd == bytes_of(type) ? 0 : 64 + bytes_of(type) - odd) % 64;
  }

  const std::uint8_t* element(std::size_t image, std::size_t c, std::size_t y, std::size_t x) const {
    const std::size_t at =
        tensor.layout == Layout::nchw ? (c * tensor.height + y) * tensor.width + x : (y * tensor.width + x) * 3 + c;
    const std::size_t slot = image * static_cast<std::size_t>(tensor.image_stride);
    return static_cast<const std::uint8_t*>(tensor.data) + (slot + at) * bytes_of(tensor.type);
  }

  std::vector<std::uint8_t> memory;
  BatchTensor tensor{};
};

/// Whether an element has the bits of a float32 value.
bool holds(const std::uint8_t* element, ElementType type, float value) {
  const Half half = to_half(value);
  const float whole = std::floor(value + 0.5f);
  const auto byte = static_cast<std::uint8_t>(whole < 0 ? 0 : whole > 255 ? 255 : whole);
  switch (type) {
    case ElementType::float32:
      return std::memcmp(element, &value, 4) == 0;
    case ElementType::float16:
      return std::memcmp(element, &half, 2) == 0;
    case ElementType::uint8:
      return *element == byte;
  }
  return false;
}

PrepareSettings random_settings(ElementType type, Random& random) {
  PrepareSettings settings{{0.017f, 0.0175f, 0.0174f}, {-2.1f, -2.03f, -1.8f}, {0.25f, -7.5f, 114}, false, false};
  // Some beyond the range of a byte.
  if (type == ElementType::uint8) settings.gain = {1, 1.3f, 0.7f}, settings.bias = {0, -20, 3.5f};
  settings.reverse_channels = random.below(2) == 1;
  settings.round_to_uint8 = random.below(2) == 1;
  return settings;
}

Region random_region(std::size_t width, std::size_t height, Random& random) {
  return {static_cast<std::int32_t>(random.below(20)), static_cast<std::int32_t>(random.below(5)),
          static_cast<std::int32_t>(width), static_cast<std::int32_t>(height)};
}

/// Every element of a slot, to the bit.
bool is_right(const ImageView& image, const Region& region, const PrepareSettings& settings, const Output& out,
              std::size_t slot) {
  const auto left = static_cast<std::size_t>(region.x), top = static_cast<std::size_t>(region.y);
  for (std::size_t c = 0; c < 3; ++c) {
    for (std::size_t y = 0; y < out.tensor.height; ++y) {
      for (std::size_t x = 0; x < out.tensor.width; ++x) {
        float value = settings.pad[c];
        if (x - left < static_cast<std::size_t>(region.width) && y - top < static_cast<std::size_t>(region.height)) {
          value = prepare_rule::value<float>(image, settings, region, c, x - left, y - top);
        }
        if (!holds(out.element(slot, c, y, x), out.tensor.type, value)) return false;
      }
    }
  }
  return true;
}

void check_one(PixelFormat format, std::size_t height, std::size_t width, std::size_t region_height,
               std::size_t region_width, Random& random, PrepareWorkspace& workspace) {
  RandomImage image(format, height, width, random);
  image.view.orientation = static_cast<int>(random.below(2) == 0 ? 1 : 1 + random.below(8));
  const auto type = static_cast<ElementType>(random.below(3));
  const auto layout = static_cast<Layout>(random.below(2));
  const Region region = random_region(region_width, region_height, random);
  const PrepareSettings settings = random_settings(type, random);
  Output out(type, layout, 1, static_cast<std::size_t>(region.y) + region_height + random.below(3),
             static_cast<std::size_t>(region.x) + region_width + random.below(20), 1);
  prepare({&image.view, 1}, {&region, 1}, settings, out.tensor, workspace);
  CHECK(is_right(image.view, region, settings, out, 0));
  CHECK(out.memory.back() == 0xa5);
}

}  // namespace

TEST(every_path_gives_the_same_bits_and_reads_nothing_outside) {
  Random random(11);
  PrepareWorkspace workspace;
  for (PixelFormat format : kFormats) {
    // Around the kernels' block widths, from one pixel on, magnified, at scale 1, and reduced beyond any window.
    for (std::size_t width : {1, 2, 3, 4, 7, 8, 16, 21, 22, 43, 64, 85, 128, 129, 257, 641, 1500}) {
      for (std::size_t region_width : {1, 3, 4, 5, 7, 8, 9, 15, 16, 17, 24, 31, 33, 64, 100, 130}) {
        check_one(format, 3, width, 4, region_width, random, workspace);
      }
      check_one(format, 5, width, 5, width, random, workspace);
    }
    for (int round = 0; round < 100; ++round) {
      check_one(format, 1 + random.below(60), 1 + random.below(400), 1 + random.below(30), 1 + random.below(200),
                random, workspace);
    }
  }
}

TEST(weights_of_few_bits_take_no_other_value) {
  // Scales of a small denominator, where kernels may compute in integers.
  Random random(12);
  PrepareWorkspace workspace;
  for (PixelFormat format : kFormats) {
    for (std::size_t eighths : {1, 4, 8, 10, 12, 16, 17, 24, 32, 40, 48, 56, 64, 80, 100}) {
      for (std::size_t width : {32, 64})
        check_one(format, 2 * eighths, width * eighths / 8, 16, width, random, workspace);
    }
  }
}

TEST(equals_the_rule_in_double) {
  Random random(7);
  PrepareWorkspace workspace;
  double farthest = 0;
  for (int round = 0; round < 400; ++round) {
    RandomImage image(kFormats[random.below(5)], 1 + random.below(60), 1 + random.below(300), random);
    image.view.orientation = static_cast<int>(1 + random.below(8));
    const std::size_t height = 1 + random.below(60), width = 1 + random.below(90);
    const Region region{0, 0, static_cast<std::int32_t>(width), static_cast<std::int32_t>(height)};
    const PrepareSettings settings{{1, 1, 1}, {}, {}, random.below(2) == 1, false};
    Output out(ElementType::float32, Layout::nchw, 1, height, width, 1);
    prepare({&image.view, 1}, {&region, 1}, settings, out.tensor, workspace);
    for (std::size_t c = 0; c < 3; ++c) {
      for (std::size_t y = 0; y < height; ++y) {
        for (std::size_t x = 0; x < width; ++x) {
          float value;
          std::memcpy(&value, out.element(0, c, y, x), sizeof(value));
          const double rule = prepare_rule::value<double>(image.view, settings, region, c, x, y);
          farthest = std::max(farthest, std::fabs(rule - static_cast<double>(value)));
        }
      }
    }
  }
  CHECK(farthest < 2e-4);  // Of a step of a pixel; of YUV twice that of one sample.
}

TEST(a_pool_changes_no_bit_and_nothing_is_allocated_again) {
  Random random(21);
  ThreadPool pool(3);
  std::vector<RandomImage> images;
  std::vector<Region> regions;
  constexpr std::size_t kHeight = 300, kWidth = 190;
  for (std::size_t b = 0; b < 5; ++b) {
    images.emplace_back(kFormats[b], 1 + random.below(400), 1 + random.below(400), random);
    images.back().view.orientation = b % 2 == 0 ? 1 : 6;
    const std::size_t width = 1 + random.below(kWidth), height = 1 + random.below(kHeight);
    regions.push_back({static_cast<std::int32_t>(random.below(kWidth - width + 1)),
                       static_cast<std::int32_t>(random.below(kHeight - height + 1)), static_cast<std::int32_t>(width),
                       static_cast<std::int32_t>(height)});
  }
  std::vector<ImageView> views;
  for (const RandomImage& image : images) views.push_back(image.view);
  for (ElementType type : {ElementType::float32, ElementType::float16, ElementType::uint8}) {
    const PrepareSettings settings = random_settings(type, random);
    for (std::size_t count : {std::size_t{1}, views.size()}) {
      const std::span<const ImageView> some(views.data(), count);
      const std::span<const Region> places(regions.data(), count);
      Output alone(type, Layout::nchw, count, kHeight, kWidth, 2),
          shared(type, Layout::nchw, count, kHeight, kWidth, 2);
      PrepareWorkspace workspace, pool_workspace;
      auto by_one = [&] { prepare(some, places, settings, alone.tensor, workspace); };
      auto by_pool = [&] { prepare(some, places, settings, shared.tensor, pool_workspace, &pool); };
      by_one();
      by_pool();
      CHECK(allocations_of(by_one) == 0);
      CHECK(allocations_of(by_pool) == 0);
      const std::size_t slots = 2 * count * 3 * kHeight * kWidth * bytes_of(type);
      CHECK(std::memcmp(alone.tensor.data, shared.tensor.data, slots) == 0);
      for (std::size_t b = 0; b < count; ++b) {
        CHECK(is_right(views[b], regions[b], settings, shared, b));
        // The slots between are not this call's.
        const std::uint8_t* between = shared.element(b, 0, 0, 0) + 3 * kHeight * kWidth * bytes_of(type);
        for (std::size_t i = 0; i < 100; ++i) CHECK(between[i] == 0xa5);
      }
    }
  }
}

TEST(refuses_what_does_not_fit) {
  PrepareWorkspace workspace;
  const std::uint8_t pixels[3] = {};
  const ImageView image{pixels, 1, 1, 3}, empty{pixels, 0, 1, 3};
  ImageView turned = image;
  turned.orientation = 9;
  const ImageView twice[2] = {image, image};
  const Region region{0, 0, 2, 2}, outside{1, 0, 2, 2}, regions[2] = {region, region};
  const PrepareSettings settings{}, infinite{{1, HUGE_VALF, 1}, {}, {}, false, false};
  Output one(ElementType::float32, Layout::nchw, 1, 2, 2, 1), two(ElementType::float32, Layout::nchw, 2, 2, 2, 1);
  CHECK_REFUSES("images", prepare({&empty, 1}, {&region, 1}, settings, one.tensor, workspace));
  CHECK_REFUSES("orientations", prepare({&turned, 1}, {&region, 1}, settings, one.tensor, workspace));
  CHECK_REFUSES("regions", prepare({&image, 1}, {&outside, 1}, settings, one.tensor, workspace));
  CHECK_REFUSES("regions", prepare({&image, 1}, {}, settings, one.tensor, workspace));
  CHECK_REFUSES("gain", prepare({&image, 1}, {&region, 1}, infinite, one.tensor, workspace));
  CHECK_REFUSES("out", prepare({&image, 1}, {&region, 1}, settings, two.tensor, workspace));
  two.tensor.image_stride = 11;
  CHECK_REFUSES("out", prepare(twice, regions, settings, two.tensor, workspace));
}
