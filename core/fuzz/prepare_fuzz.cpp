#include <cstring>
#include <memory>
#include <vector>

#include "../tests/prepare_rule.h"
#include "framecast/prepare.h"
#include "fuzz_input.h"
#include "half.h"

namespace {

using namespace framecast;

/// Exactly as many bytes as a plane has, so that the sanitizer sees every read beside it.
struct Plane {
  Plane(std::size_t height, std::size_t row_bytes, FuzzInput& input)
      : stride(row_bytes + input.in_range<std::size_t>(0, 9)),
        size((height - 1) * stride + row_bytes),
        bytes(std::make_unique<std::uint8_t[]>(size)) {
    const auto seed = input.take<std::uint32_t>();
    for (std::size_t i = 0; i < size; ++i) {
      bytes[i] = static_cast<std::uint8_t>((static_cast<std::uint32_t>(i) * 2654435761u ^ seed) >> 23);
    }
    if (!input.flag()) return;
    first = (height - 1) * stride;
    upwards = true;
  }

  const std::uint8_t* pixels() const { return bytes.get() + first; }
  std::ptrdiff_t step() const {
    return upwards ? -static_cast<std::ptrdiff_t>(stride) : static_cast<std::ptrdiff_t>(stride);
  }

  std::size_t stride;
  std::size_t size;
  std::unique_ptr<std::uint8_t[]> bytes;
  std::size_t first = 0;
  bool upwards = false;
};

float number_at(const BatchTensor& out, std::size_t image, std::size_t c, std::size_t y, std::size_t x) {
  const std::size_t at =
      out.layout == Layout::nchw ? (c * out.height + y) * out.width + x : (y * out.width + x) * 3 + c;
  const std::size_t element = image * static_cast<std::size_t>(out.image_stride) + at;
  if (out.type == ElementType::float32) return static_cast<const float*>(out.data)[element];
  if (out.type == ElementType::float16) return to_float(static_cast<const Half*>(out.data)[element]);
  return static_cast<const std::uint8_t*>(out.data)[element];
}

float finite(FuzzInput& input) {
  const float value = input.number();
  return std::isfinite(value) ? value : 0;
}

}  // namespace

// Any images, places and settings: no read beside a plane, every element written, and a sample of them as the rule
// says, to the bit.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  FuzzInput input(data, size);
  const auto height = input.in_range<std::size_t>(1, 70), width = input.in_range<std::size_t>(1, 150);
  const auto count = input.in_range<std::size_t>(0, 3);
  std::vector<Plane> planes;
  std::vector<ImageView> images;
  std::vector<Region> regions;
  for (std::size_t b = 0; b < count; ++b) {
    const auto image_height = input.in_range<std::size_t>(1, 100), image_width = input.in_range<std::size_t>(1, 700);
    const auto format = static_cast<PixelFormat>(input.in_range<int>(0, 4));
    const std::size_t pixel_bytes = format == PixelFormat::rgb ? 3 : format == PixelFormat::rgba ? 4 : 1;
    planes.emplace_back(image_height, image_width * pixel_bytes, input);
    ImageView image{planes.back().pixels(), image_height, image_width, planes.back().step(), format};
    const std::size_t chroma = format == PixelFormat::i420 ? 2 : format == PixelFormat::nv12 ? 1 : 0;
    for (std::size_t i = 0; i < chroma; ++i) {
      planes.emplace_back((image_height + 1) / 2, (image_width + 1) / 2 * (chroma == 1 ? 2 : 1), input);
      image.chroma[i] = planes.back().pixels();
      image.chroma_strides[i] = planes.back().step();
    }
    image.yuv = {static_cast<YuvMatrix>(input.in_range<int>(0, 2)), input.flag(),
                 static_cast<ChromaSiting>(input.in_range<int>(0, 2))};
    image.orientation = input.in_range<int>(1, 8);
    images.push_back(image);
    const auto x = input.in_range<std::size_t>(0, width - 1), y = input.in_range<std::size_t>(0, height - 1);
    regions.push_back({static_cast<std::int32_t>(x), static_cast<std::int32_t>(y),
                       input.in_range<std::int32_t>(1, static_cast<std::int32_t>(width - x)),
                       input.in_range<std::int32_t>(1, static_cast<std::int32_t>(height - y))});
  }
  PrepareSettings settings{};
  for (std::size_t c = 0; c < 3; ++c) {
    settings.gain[c] = finite(input);
    settings.bias[c] = finite(input);
    settings.pad[c] = finite(input);
  }
  settings.reverse_channels = input.flag();
  settings.round_to_uint8 = input.flag();
  const auto type = static_cast<ElementType>(input.in_range<int>(0, 2));
  const std::size_t bytes = type == ElementType::float32 ? 4 : type == ElementType::float16 ? 2 : 1;
  const std::size_t elements = count * 3 * height * width;
  const auto memory = std::make_unique<std::uint8_t[]>(elements * bytes);
  std::memset(memory.get(), 0xff, elements * bytes);  // NaN, where nothing is written.
  const BatchTensor out{memory.get(), type,  static_cast<Layout>(input.in_range<int>(0, 1)), count,
                        height,       width, static_cast<std::ptrdiff_t>(3 * height * width)};
  static PrepareWorkspace workspace;
  static ThreadPool pool(2);
  prepare(images, regions, settings, out, workspace, input.flag() ? &pool : nullptr);
  const auto step = input.in_range<std::size_t>(1, 40);
  for (std::size_t i = 0; i < elements; i += step) {
    const std::size_t b = i / (3 * height * width), c = i / (height * width) % 3, y = i / width % height, x = i % width;
    const Region& region = regions[b];
    const std::size_t dx = x - static_cast<std::size_t>(region.x), dy = y - static_cast<std::size_t>(region.y);
    float value = settings.pad[c];
    if (dx < static_cast<std::size_t>(region.width) && dy < static_cast<std::size_t>(region.height)) {
      value = prepare_rule::value<float>(images[b], settings, region, c, dx, dy);
    }
    if (type == ElementType::float16) value = to_float(to_half(value));
    if (type == ElementType::uint8) value = std::min(std::max(std::floor(value + 0.5f), 0.0f), 255.0f);
    FUZZ_CHECK(number_at(out, b, c, y, x) == value);
  }
  return 0;
}
