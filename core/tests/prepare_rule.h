#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "framecast/prepare.h"
#include "yuv_to_rgb.h"

/// The rule of `prepare`, pixel by pixel and written from its definition: in double, and in the arithmetic that every
/// kernel must keep to the bit.
namespace prepare_rule {

using framecast::ChromaSiting;
using framecast::ImageView;
using framecast::PixelFormat;
using framecast::PrepareSettings;
using framecast::Region;

/// A position along one axis of a plane: between two of its samples.
struct Position {
  std::size_t first;
  std::size_t second;
  double weight;
};

/// `offset`: of a chroma sample from the first of its two luma samples, in luma samples; below 0 for luma itself.
inline Position position(std::size_t target, std::size_t image_size, std::size_t target_size, double offset) {
  const double scale = static_cast<double>(image_size) / static_cast<double>(target_size);
  double at = (static_cast<double>(target) + 0.5) * scale - 0.5;
  std::size_t samples = image_size;
  if (offset >= 0) {
    samples = (image_size + 1) / 2;
    at = at / 2 - offset / 2;
  }
  at = std::clamp(at, 0.0, static_cast<double>(samples - 1));
  const auto first = static_cast<std::size_t>(at);
  return {first, std::min(first + 1, samples - 1), at - static_cast<double>(first)};
}

/// One sample of a plane's row and column in the image as it is stored; `Number` is float or double.
template <typename Number>
Number resized(const std::uint8_t* plane, std::ptrdiff_t stride, std::size_t pixel_bytes, const Position& column,
               const Position& line) {
  auto at = [&](std::size_t y, std::size_t x) {
    return plane[static_cast<std::ptrdiff_t>(y) * stride + static_cast<std::ptrdiff_t>(x * pixel_bytes)];
  };
  if constexpr (sizeof(Number) == sizeof(double)) {
    auto across = [&](std::size_t y) {
      return (1 - column.weight) * at(y, column.first) + column.weight * at(y, column.second);
    };
    return (1 - line.weight) * across(line.first) + line.weight * across(line.second);
  } else {
    const auto right = static_cast<std::int64_t>(std::floor(column.weight * 0x1p23 + 0.5));
    const auto lower = static_cast<float>(line.weight);
    auto across = [&](std::size_t y) {
      return static_cast<float>(((1 << 23) - right) * at(y, column.first) + right * at(y, column.second));
    };
    return across(line.first) * ((1 - lower) * 0x1p-23f) + across(line.second) * (lower * 0x1p-23f);
  }
}

/// Where a pixel of the turned region lies in the region of the image as it is stored.
struct Place {
  std::size_t x;
  std::size_t y;
  std::size_t width;
  std::size_t height;
};

inline Place unturned(int orientation, std::size_t x, std::size_t y, std::size_t width, std::size_t height) {
  switch (orientation) {
    case 2:
      return {width - 1 - x, y, width, height};
    case 3:
      return {width - 1 - x, height - 1 - y, width, height};
    case 4:
      return {x, height - 1 - y, width, height};
    case 5:
      return {y, x, height, width};
    case 6:
      return {y, width - 1 - x, height, width};
    case 7:
      return {height - 1 - y, width - 1 - x, height, width};
    case 8:
      return {height - 1 - y, x, height, width};
    default:
      return {x, y, width, height};
  }
}

template <typename Number>
void to_rgb(const framecast::YuvEncoding& yuv, Number y, Number u, Number v, Number* rgb) {
  auto cut = [](Number value) { return std::min(std::max(value, Number{0}), Number{255}); };
  if constexpr (sizeof(Number) == sizeof(double)) {
    const double kr = yuv.matrix == framecast::YuvMatrix::bt601   ? 0.299
                      : yuv.matrix == framecast::YuvMatrix::bt709 ? 0.2126
                                                                  : 0.2627;
    const double kb = yuv.matrix == framecast::YuvMatrix::bt601   ? 0.114
                      : yuv.matrix == framecast::YuvMatrix::bt709 ? 0.0722
                                                                  : 0.0593;
    const double luma = yuv.full_range ? y : (y - 16) * 255 / 219;
    const double blue = (u - 128) * (yuv.full_range ? 1 : 255.0 / 224) * 2 * (1 - kb);
    const double red = (v - 128) * (yuv.full_range ? 1 : 255.0 / 224) * 2 * (1 - kr);
    rgb[0] = cut(luma + red);
    rgb[1] = cut(luma - (kb * blue + kr * red) / (1 - kr - kb));
    rgb[2] = cut(luma + blue);
  } else {
    const framecast::kernels::YuvToRgb by = framecast::yuv_to_rgb(yuv);
    const float luma = (y - by.y_offset) * by.y_scale;
    rgb[0] = cut(luma + (v - 128) * by.red_v);
    rgb[1] = cut((luma - (u - 128) * by.green_u) - (v - 128) * by.green_v);
    rgb[2] = cut(luma + (u - 128) * by.blue_u);
  }
}

/// The value of output channel c at pixel (x, y) of the region.
template <typename Number>
Number value(const ImageView& image, const PrepareSettings& settings, const Region& region, std::size_t c,
             std::size_t x, std::size_t y) {
  const Place place = unturned(image.orientation, x, y, static_cast<std::size_t>(region.width),
                               static_cast<std::size_t>(region.height));
  const Position column = position(place.x, image.width, place.width, -1);
  const Position line = position(place.y, image.height, place.height, -1);
  const std::size_t channel = settings.reverse_channels ? 2 - c : c;
  Number pixel;
  if (image.format == PixelFormat::i420 || image.format == PixelFormat::nv12) {
    const ChromaSiting siting = image.yuv.siting;
    const Position chroma_column =
        position(place.x, image.width, place.width, siting == ChromaSiting::center ? 0.5 : 0);
    const Position chroma_line =
        position(place.y, image.height, place.height, siting == ChromaSiting::top_left ? 0 : 0.5);
    const bool planar = image.format == PixelFormat::i420;
    const std::uint8_t* v = planar ? image.chroma[1] : image.chroma[0] + 1;
    const std::size_t step = planar ? 1 : 2;
    Number rgb[3];
    to_rgb(image.yuv, resized<Number>(image.pixels, image.row_stride, 1, column, line),
           resized<Number>(image.chroma[0], image.chroma_strides[0], step, chroma_column, chroma_line),
           resized<Number>(v, image.chroma_strides[planar ? 1 : 0], step, chroma_column, chroma_line), rgb);
    pixel = rgb[channel];
  } else if (image.format == PixelFormat::gray) {
    pixel = resized<Number>(image.pixels, image.row_stride, 1, column, line);
  } else {
    pixel = resized<Number>(image.pixels + channel, image.row_stride, image.format == PixelFormat::rgb ? 3 : 4, column,
                            line);
  }
  if (settings.round_to_uint8) pixel = std::floor(pixel + Number{0.5});
  return pixel * static_cast<Number>(settings.gain[c]) + static_cast<Number>(settings.bias[c]);
}

}  // namespace prepare_rule
