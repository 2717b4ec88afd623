#include <algorithm>
#include <cstring>

#include "kernels/prepare.h"

namespace framecast::kernels {
namespace {

/// The value of one sample of a plane, resized both ways; `channel` is its place within the pixel.
float resize(const PlaneRows& plane, std::size_t x, std::size_t channel) {
  const ColumnTable& columns = *plane.columns;
  const std::size_t left = columns.left[x] + channel;
  const std::size_t right = columns.right[x] + channel;
  const std::uint32_t weight = columns.weights[x];
  const auto across = [&](const std::uint8_t* row) {
    return static_cast<float>(static_cast<std::int32_t>(row[left] * (kWeightOne - weight) + row[right] * weight));
  };
  constexpr float kUnit = 1.0f / static_cast<float>(kWeightOne);
  return across(plane.upper) * ((1 - plane.weight) * kUnit) + across(plane.lower) * (plane.weight * kUnit);
}

float limited(float value) { return std::min(std::max(value, 0.0f), 255.0f); }

void to_rgb(const YuvToRgb& yuv, float y, float u, float v, float* rgb) {
  const float luma = (y - yuv.y_offset) * yuv.y_scale;
  rgb[0] = limited(luma + (v - 128) * yuv.red_v);
  rgb[1] = limited((luma - (u - 128) * yuv.green_u) - (v - 128) * yuv.green_v);
  rgb[2] = limited(luma + (u - 128) * yuv.blue_u);
}

void prepare_row(const PreparedRow& given) {
  const PreparedRow row = given;
  for (std::size_t x = 0; x < row.width; ++x) {
    float values[3] = {};
    switch (row.source) {
      case Source::interleaved:
        for (std::size_t c = 0; c < 3; ++c) values[c] = resize(row.planes[0], x, c);
        break;
      case Source::gray:
        values[0] = values[1] = values[2] = resize(row.planes[0], x, 0);
        break;
      case Source::yuv_planes:
        to_rgb(row.yuv, resize(row.planes[0], x, 0), resize(row.planes[1], x, 0), resize(row.planes[2], x, 0), values);
        break;
      case Source::yuv_interleaved:
        to_rgb(row.yuv, resize(row.planes[0], x, 0), resize(row.planes[1], x, 0), resize(row.planes[1], x, 1), values);
        break;
    }
    for (std::size_t c = 0; c < 3; ++c) {
      // Values are in [0, 255], where truncation is floor.
      const float value =
          row.round_to_uint8 ? static_cast<float>(static_cast<std::int32_t>(values[c] + 0.5f)) : values[c];
      row.out[c][x] = value * row.gain[c] + row.bias[c];
    }
  }
}

void store_halves(const float* values, std::size_t width, Half* out) {
  for (std::size_t x = 0; x < width; ++x) out[x] = to_half(values[x]);
}

void store_bytes(const float* values, std::size_t width, std::uint8_t* out) {
  for (std::size_t x = 0; x < width; ++x) out[x] = to_byte(values[x]);
}

void interleave_floats(const StoredRow& row, float* out) {
  for (std::size_t x = 0; x < row.width; ++x) {
    for (std::size_t c = 0; c < 3; ++c) out[3 * x + c] = row.values[c][x];
  }
}

void interleave_halves(const StoredRow& row, Half* out) {
  for (std::size_t x = 0; x < row.width; ++x) {
    for (std::size_t c = 0; c < 3; ++c) out[3 * x + c] = to_half(row.values[c][x]);
  }
}

void interleave_bytes(const StoredRow& row, std::uint8_t* out) {
  for (std::size_t x = 0; x < row.width; ++x) {
    for (std::size_t c = 0; c < 3; ++c) out[3 * x + c] = to_byte(row.values[c][x]);
  }
}

void fill(const std::uint8_t* pattern, std::size_t bytes, std::uint8_t* out) {
  for (; bytes >= kFillPeriod; bytes -= kFillPeriod, out += kFillPeriod) std::memcpy(out, pattern, kFillPeriod);
  std::memcpy(out, pattern, bytes);
}

}  // namespace

const PrepareKernels kPrepareScalar{prepare_row,       store_halves,     store_bytes, interleave_floats,
                                    interleave_halves, interleave_bytes, fill};

}  // namespace framecast::kernels
