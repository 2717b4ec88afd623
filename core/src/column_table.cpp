#include "column_table.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <span>

#include "line_sample.h"

namespace framecast {
namespace {

using kernels::ColumnRule;
using kernels::ColumnTable;
using kernels::Gather;

constexpr std::uint8_t kZero = 0x80;  // An index that looks up 0 whatever channel is added to it.

std::size_t windows_of(Gather gather) {
  switch (gather) {
    case Gather::window:
      return 1;
    case Gather::two_windows:
      return 2;
    case Gather::four_windows:
      return 4;
    default:
      return 0;
  }
}

/// The blocks cover all columns and overlap where they must.
void start_blocks(const ColumnRule& rule, std::vector<std::uint32_t>& starts) {
  starts.clear();
  if (rule.gather == Gather::pixels) return;
  starts.push_back(0);
  std::size_t x = rule.aligned > 0 ? rule.aligned : rule.block;
  for (; x + rule.block <= rule.width; x += rule.block) starts.push_back(static_cast<std::uint32_t>(x));
  if (x < rule.width) starts.push_back(static_cast<std::uint32_t>(rule.width - rule.block));
}

/// Index bytes left, left, right, right per column, counted from the beginning of its window.
void index_windows(std::size_t windows, std::size_t start, ColumnTable& table) {
  const std::size_t row_bytes = table.rule.plane_width * table.rule.pixel_bytes;
  const std::size_t columns = table.rule.block / windows;
  for (std::size_t w = 0; w < windows; ++w) {
    const std::size_t first = start + w * columns;
    const auto lowest = std::min(table.left[first], table.left[first + columns - 1]);
    const auto begin = std::min(lowest, static_cast<std::uint32_t>(row_bytes - kernels::kWindowBytes));
    table.loads.push_back(begin);
    for (std::size_t x = first; x < first + columns; ++x) {
      const auto left = static_cast<std::uint8_t>(table.left[x] - begin);
      const auto right = static_cast<std::uint8_t>(table.right[x] - begin);
      table.index.insert(table.index.end(), {left, left, right, right});
    }
  }
}

/// Index bytes for words of 8 bytes, one per column: shuffles within halves of 16 bytes (AVX2, 8 columns), or look-ups
/// of the left and of the right pixels in 32 bytes (NEON, 4 columns).
void index_words(std::size_t start, ColumnTable& table) {
  const std::size_t block = table.rule.block;
  const auto last = static_cast<std::uint32_t>(table.rule.plane_width * table.rule.pixel_bytes - kernels::kWordBytes);
  const std::size_t index = table.index.size();
  table.index.insert(table.index.end(), 8 * block, kZero);
  for (std::size_t k = 0; k < block; ++k) {
    const std::size_t x = start + k;
    const std::uint32_t begin = std::min(table.left[x], last);
    table.loads.push_back(begin);
    const std::uint32_t left = table.left[x] - begin, right = table.right[x] - begin;
    if (block == 8) {
      const std::size_t half = k / 4, shuffle = k % 4 / 2, word = k % 2;
      std::uint8_t* lane = table.index.data() + index + 32 * shuffle + 16 * half + 4 * (k % 4);
      lane[0] = static_cast<std::uint8_t>(8 * word + left);
      lane[2] = static_cast<std::uint8_t>(8 * word + right);
    } else {
      std::uint8_t* lane = table.index.data() + index + 4 * k;
      lane[0] = static_cast<std::uint8_t>(8 * k + left);
      lane[16] = static_cast<std::uint8_t>(8 * k + right);
    }
  }
}

/// The weights of the columns from `start` on, as kernels of this block size take them.
void add_weights(std::size_t start, ColumnTable& table) {
  constexpr int kLowBits = kernels::kWeightBits - 14;
  constexpr std::uint32_t kLow = (1u << kLowBits) - 1;
  for (std::size_t x = start; x < start + table.rule.block; ++x) {
    const std::uint32_t right = table.weights[x], left = kernels::kWeightOne - right;
    if (table.rule.block == 4) {
      table.high.push_back(left);
      table.low.push_back(right);
    } else {
      table.high.push_back(left >> kLowBits | right >> kLowBits << 16);
      table.low.push_back((left & kLow) | (right & kLow) << 16);
    }
  }
}

}  // namespace

Gather gather_for(Isa isa, std::size_t samples, std::size_t columns, std::size_t pixel_bytes) {
  const std::size_t row_bytes = samples * pixel_bytes;
  if (isa == Isa::scalar || row_bytes < kernels::kWordBytes) return Gather::pixels;
  if (isa == Isa::avx512 && row_bytes >= kernels::kWindowBytes && columns >= 16) {
    const double scale = static_cast<double>(samples) / static_cast<double>(columns);
    for (Gather gather : {Gather::window, Gather::two_windows, Gather::four_windows}) {
      const auto apart = static_cast<double>(16 / windows_of(gather) - 1);
      const double reach = (std::floor(apart * scale) + 3) * static_cast<double>(pixel_bytes);
      if (reach <= static_cast<double>(kernels::kWindowBytes)) return gather;
    }
  }
  return columns >= block_for(isa, Gather::words) ? Gather::words : Gather::pixels;
}

std::size_t block_for(Isa isa, Gather gather) {
  if (gather == Gather::pixels) return 1;
  if (gather == Gather::words) return isa == Isa::neon ? 4 : 8;
  return 16;
}

void make_columns(const ColumnRule& rule, ColumnTable& table) {
  if (table.rule == rule) return;
  table.rule = rule;
  table.left.resize(rule.width);
  table.right.resize(rule.width);
  table.weights.resize(rule.width);
  table.coarse = true;
  const Axis axis{rule.image_width, rule.plane_width, rule.width, rule.siting, rule.mirrored};
  for (std::size_t x = 0; x < rule.width; ++x) {
    const LineSample column = axis.at(x);
    table.left[x] = static_cast<std::uint32_t>(column.first * rule.pixel_bytes);
    table.right[x] = static_cast<std::uint32_t>(column.second * rule.pixel_bytes);
    table.weights[x] = static_cast<std::uint32_t>(column.weight * kernels::kWeightOne + 0.5);
    table.coarse = table.coarse && table.weights[x] % (kernels::kWeightOne >> 10) == 0;
  }
  start_blocks(rule, table.starts);
  table.loads.clear();
  table.index.clear();
  table.high.clear();
  table.low.clear();
  const std::size_t windows = windows_of(rule.gather);
  for (std::uint32_t start : table.starts) {
    windows > 0 ? index_windows(windows, start, table) : index_words(start, table);
    add_weights(start, table);
  }
}

void reserve_columns(std::size_t width, ColumnTable& table) {
  // Blocks overlap by less than two of them.
  const std::size_t columns = width + 32;
  table.left.reserve(columns);
  table.right.reserve(columns);
  table.weights.reserve(columns);
  table.starts.reserve(columns / 4);
  table.loads.reserve(columns);
  table.index.reserve(8 * columns);
  table.high.reserve(columns);
  table.low.reserve(columns);
}

}  // namespace framecast
