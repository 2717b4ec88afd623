#include "bicubic_peak.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

namespace framecast {
namespace {

constexpr std::size_t kTaps = 4;
/// The parameter of the cubic convolution (Keys, 1981), as PyTorch has it.
constexpr float kA = -0.75f;
/// What the two outer weights, which are negative, sum to at most: 0.75 t (1 - t).
constexpr float kOuter = 0.1875f;
constexpr float kLargestValue = 1e37f;
/// Far above the rounding of weights and sums: in parts of the map's largest magnitude, and of subnormal numbers.
constexpr float kMargin = 0x1p-14f;
constexpr float kSmallMargin = std::numeric_limits<float>::min();

/// For a distance of at most 1.
float inner_weight(float x) { return ((kA + 2) * x - (kA + 3)) * x * x + 1; }
/// For a distance from 1 to 2.
float outer_weight(float x) { return ((kA * x - 5 * kA) * x + 8 * kA) * x - 4 * kA; }

float higher(float a, float b) { return a > b ? a : b; }
float lower(float a, float b) { return a < b ? a : b; }

/// Of at least one number, none NaN; by lanes, so that the compiler may use vectors.
float highest(const float* values, std::size_t count) {
  constexpr std::size_t kLanes = 8;
  float lanes[kLanes];
  std::fill_n(lanes, kLanes, values[0]);
  std::size_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) lanes[lane] = higher(values[i + lane], lanes[lane]);
  }
  for (; i < count; ++i) lanes[0] = higher(values[i], lanes[0]);
  return *std::max_element(lanes, lanes + kLanes);
}

/// The largest magnitude of a map; NaN counts as larger than infinity.
std::int32_t magnitude_bits(const float* values, std::size_t count) {
  std::int32_t largest = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const std::int32_t magnitude = std::bit_cast<std::int32_t>(values[i]) & 0x7fffffff;
    largest = magnitude > largest ? magnitude : largest;
  }
  return largest;
}

/// Four values with four weights each, in the order of the definition.
void mix(const float* const (&values)[kTaps], const float (&weights)[kTaps], std::size_t count, float* out) {
  for (std::size_t i = 0; i < count; ++i) {
    out[i] =
        values[0][i] * weights[0] + values[1][i] * weights[1] + values[2][i] * weights[2] + values[3][i] * weights[3];
  }
}

/// One map's search: cells are visited in any order, and the peak is the same in all of them.
class PeakSearch {
 public:
  PeakSearch(std::size_t height, std::size_t width, KeypointScratch& scratch)
      : height_(height),
        width_(width),
        stride_(width + 2 * kBicubicBorder),
        pixel_rows_(scratch.rows.weights.size() / kTaps),
        pixel_columns_(scratch.columns.weights.size() / kTaps),
        scratch_(scratch) {}

  BicubicPeak find() {
    const float* const map = map_row(scratch_, 0, width_);
    std::int32_t largest = 0;
    float top = map[0];
    std::size_t top_row = 0;
    for (std::size_t y = 0; y < height_; ++y) {
      largest = std::max(largest, magnitude_bits(map + y * stride_, width_));
      const float row = highest(map + y * stride_, width_);
      if (row > top) top = row, top_row = y;
    }
    const auto magnitude = std::bit_cast<float>(largest);
    if (!(magnitude <= kLargestValue)) return {0, 0, std::numeric_limits<float>::quiet_NaN()};
    const float* const row = map + top_row * stride_;
    const auto top_column = static_cast<std::size_t>(std::find(row, row + width_, top) - row);

    repeat_border();
    bound_rows();
    // The peak is most likely beside the highest value: from there on few cells reach it.
    visit(top_row, top_column, top_column + 2);
    visit(top_row + 1, top_column, top_column + 2);
    const float margin = magnitude * kMargin + kSmallMargin;
    for (std::size_t cell_row = 0; cell_row <= height_; ++cell_row) visit_reaching(cell_row, margin);
    return peak_;
  }

 private:
  void repeat_border() {
    for (std::size_t y = 0; y < height_; ++y) {
      float* const row = map_row(scratch_, y, width_);
      row[-2] = row[-1] = row[0];
      row[width_] = row[width_ + 1] = row[width_ - 1];
    }
    const std::size_t bytes = stride_ * sizeof(float);
    float* const first = scratch_.map.data();
    float* const last = first + (height_ + 1) * stride_;
    std::memcpy(first, first + 2 * stride_, bytes);
    std::memcpy(first + stride_, first + 2 * stride_, bytes);
    std::memcpy(last + stride_, last, bytes);
    std::memcpy(last + 2 * stride_, last, bytes);
  }

  /// In a cell, a row's pixels are at most the higher inner value, and at most kOuter of the way away from the outer
  /// values beyond it.
  void bound_rows() {
    for (std::size_t y = 0; y < height_ + 2 * kBicubicBorder; ++y) {
      const float* const row = scratch_.map.data() + y * stride_;
      float* const up = scratch_.upper.data() + y * (width_ + 1);
      float* const low = scratch_.lower.data() + y * (width_ + 1);
      for (std::size_t c = 0; c <= width_; ++c) {
        const float high = higher(row[c + 1], row[c + 2]), deep = lower(row[c + 1], row[c + 2]);
        up[c] = high + kOuter * higher(high - lower(row[c], row[c + 3]), 0);
        low[c] = deep - kOuter * higher(higher(row[c], row[c + 3]) - deep, 0);
      }
    }
  }

  /// Visits the cells of a row whose pixels may be as high as the peak so far.
  void visit_reaching(std::size_t cell_row, float margin) {
    if (scratch_.rows.cell_begin[cell_row] == scratch_.rows.cell_begin[cell_row + 1]) return;
    const std::size_t cells = width_ + 1;
    const float* const up = scratch_.upper.data() + (cell_row + 1) * cells;
    const float* const low = scratch_.lower.data() + cell_row * cells;
    std::size_t begin = 0;
    auto reaches = [&](std::size_t c) {
      const float high = higher(up[c], up[c + cells]);
      return high + kOuter * higher(high - lower(low[c], low[c + 3 * cells]), 0) + margin >= peak_.value;
    };
    while (begin < cells) {
      if (!reaches(begin)) {
        ++begin;
        continue;
      }
      std::size_t end = begin + 1;
      while (end < cells && reaches(end)) ++end;
      visit(cell_row, begin, end);
      begin = end;
    }
  }

  /// Computes the pixels of neighbouring cells.
  void visit(std::size_t cell_row, std::size_t begin, std::size_t end) {
    const auto& column_begin = scratch_.columns.cell_begin;
    const std::size_t left = column_begin[begin], count = column_begin[end] - left;
    const std::size_t top = scratch_.rows.cell_begin[cell_row], bottom = scratch_.rows.cell_begin[cell_row + 1];
    if (count == 0 || top == bottom) return;
    const float* const weights = scratch_.columns.weights.data();
    const float* rows[kTaps];
    for (std::size_t tap = 0; tap < kTaps; ++tap) {
      float* const out = scratch_.stretched.data() + tap * pixel_columns_;
      const float* const values = scratch_.map.data() + (cell_row + tap) * stride_;
      for (std::size_t c = begin; c < end; ++c) {
        for (std::size_t x = column_begin[c]; x < column_begin[c + 1]; ++x) {
          out[x - left] = values[c] * weights[x] + values[c + 1] * weights[pixel_columns_ + x] +
                          values[c + 2] * weights[2 * pixel_columns_ + x] +
                          values[c + 3] * weights[3 * pixel_columns_ + x];
        }
      }
      rows[tap] = out;
    }
    float* const pixels = scratch_.stretched.data() + kTaps * pixel_columns_;
    for (std::size_t y = top; y < bottom; ++y) {
      const float* const w = scratch_.rows.weights.data() + y;
      mix(rows, {w[0], w[pixel_rows_], w[2 * pixel_rows_], w[3 * pixel_rows_]}, count, pixels);
      const float value = highest(pixels, count);
      if (value < peak_.value) continue;
      const std::size_t x = left + static_cast<std::size_t>(std::find(pixels, pixels + count, value) - pixels);
      const bool first = y < peak_.y || (y == peak_.y && x < peak_.x);
      if (value > peak_.value || first) peak_ = {x, y, value};
    }
  }

  std::size_t height_;
  std::size_t width_;
  std::size_t stride_;
  std::size_t pixel_rows_;
  std::size_t pixel_columns_;
  KeypointScratch& scratch_;
  BicubicPeak peak_{0, 0, -std::numeric_limits<float>::infinity()};
};

}  // namespace

void sample_bicubic(std::size_t size, std::size_t count, BicubicAxis& axis) {
  axis.cell_begin.resize(size + 2);
  axis.weights.resize(kTaps * count);
  const float scale = static_cast<float>(size) / static_cast<float>(count);
  std::size_t begun = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const float place = scale * (static_cast<float>(i) + 0.5f) - 0.5f;
    const float below = std::min(std::floor(place), static_cast<float>(size - 1));
    const float t = std::clamp(place - below, 0.0f, 1.0f);
    const auto cell = static_cast<std::size_t>(below + 1);
    while (begun <= cell) axis.cell_begin[begun++] = i;
    axis.weights[i] = outer_weight(t + 1);
    axis.weights[count + i] = inner_weight(t);
    axis.weights[2 * count + i] = inner_weight(1 - t);
    axis.weights[3 * count + i] = outer_weight(2 - t);
  }
  while (begun <= size + 1) axis.cell_begin[begun++] = count;
}

void reserve_map(std::size_t height, std::size_t width, std::size_t columns, KeypointScratch& scratch) {
  auto reserve = [](std::vector<float>& values, std::size_t count) {
    if (values.size() < count) values.resize(count);
  };
  const std::size_t rows = height + 2 * kBicubicBorder;
  reserve(scratch.map, rows * (width + 2 * kBicubicBorder));
  reserve(scratch.upper, rows * (width + 1));
  reserve(scratch.lower, rows * (width + 1));
  reserve(scratch.stretched, (kTaps + 1) * columns);
}

BicubicPeak find_peak(std::size_t height, std::size_t width, KeypointScratch& scratch) {
  return PeakSearch(height, width, scratch).find();
}

}  // namespace framecast
