#include "column_table.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "line_sample.h"

namespace framecast {
namespace {

using kernels::ColumnRule;
using kernels::ColumnTable;
using kernels::Gather;

constexpr std::uint8_t kZero = 0x80;  // An index that looks up 0 whatever channel is added to it.

/// Runs of bytes that hold the pixels of neighbouring columns.
struct Runs {
  std::size_t columns;  ///< 0 where pixels are read one by one.
  std::size_t bytes;
};

Runs runs_of(Gather gather) {
  switch (gather) {
    case Gather::pixels:
      break;
    case Gather::words:
      return {1, kernels::kWordBytes};
    case Gather::pairs:
      return {2, kernels::kPairBytes};
    case Gather::line:
      return {16, kernels::kLineBytes};
    case Gather::window:
      return {16, kernels::kWindowBytes};
    case Gather::two_windows:
      return {8, kernels::kWindowBytes};
    case Gather::four_windows:
      return {4, kernels::kWindowBytes};
  }
  return {0, 0};
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

/// Where the runs of a block begin, and the bytes of its columns' pixels within them.
///
/// AVX-512: bytes left, left, right, right per column, from the beginning of its run. AVX2 (8 columns): two shuffles
/// within halves of 16 bytes. NEON (4 columns): look-ups in 32 bytes, of the left and of the right pixels.
void index_block(std::size_t start, ColumnTable& table) {
  const std::size_t block = table.rule.block;
  const Runs runs = runs_of(table.rule.gather);
  const auto last = static_cast<std::uint32_t>(table.rule.plane_width * table.rule.pixel_bytes - runs.bytes);
  const std::size_t index = table.index.size();
  table.index.insert(table.index.end(), block == 16 ? 4 * block : 8 * block, kZero);
  std::uint32_t begin = 0;
  for (std::size_t k = 0; k < block; ++k) {
    const std::size_t x = start + k;
    if (k % runs.columns == 0) {
      begin = std::min({table.left[x], table.left[x + runs.columns - 1], last});
      table.loads.push_back(begin);
    }
    // Two words make 16 bytes.
    const std::uint32_t word = runs.columns == 1 ? static_cast<std::uint32_t>(k % 2 * kernels::kWordBytes) : 0;
    const auto left = static_cast<std::uint8_t>(word + table.left[x] - begin);
    const auto right = static_cast<std::uint8_t>(word + table.right[x] - begin);
    std::uint8_t* bytes = table.index.data() + index;
    if (block == 16) {
      bytes += 4 * k;
      bytes[0] = bytes[1] = left;
      bytes[2] = bytes[3] = right;
    } else if (block == 8) {
      bytes += 32 * (k % 4 / 2) + 16 * (k / 4) + 4 * (k % 4);
      bytes[0] = left;
      bytes[2] = right;
    } else {
      bytes += 4 * k;
      bytes[0] = static_cast<std::uint8_t>(k / 2 * kernels::kPairBytes + left);
      bytes[16] = static_cast<std::uint8_t>(k / 2 * kernels::kPairBytes + right);
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

Gather gather_for(Isa isa, std::size_t columns, std::span<const PlaneRow> rows) {
  auto suits = [&](Gather gather) {
    const Runs runs = runs_of(gather);
    return columns >= block_for(isa, gather) && std::all_of(rows.begin(), rows.end(), [&](const PlaneRow& row) {
             // The left pixels of a run lie so far apart at most; behind the last one comes its right pixel.
             const double scale = static_cast<double>(row.samples) / static_cast<double>(columns);
             const double apart =
                 std::floor(static_cast<double>(runs.columns - 1) * scale) + (runs.columns > 1 ? 1 : 0);
             return row.samples * row.pixel_bytes >= runs.bytes &&
                    (apart + 2) * static_cast<double>(row.pixel_bytes) <= static_cast<double>(runs.bytes);
           });
  };
  if (isa == Isa::scalar) return Gather::pixels;
  if (isa == Isa::avx512) {
    for (Gather gather : {Gather::line, Gather::window, Gather::two_windows, Gather::four_windows}) {
      if (suits(gather)) return gather;
    }
  }
  if (suits(Gather::pairs)) return Gather::pairs;
  return suits(Gather::words) ? Gather::words : Gather::pixels;
}

std::size_t block_for(Isa isa, Gather gather) {
  if (gather == Gather::pixels) return 1;
  if (gather == Gather::words || gather == Gather::pairs) return isa == Isa::neon ? 4 : 8;
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
  for (std::uint32_t start : table.starts) {
    index_block(start, table);
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
