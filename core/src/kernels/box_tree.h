#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

#include "framecast/box.h"
#include "isa.h"

namespace framecast::kernels {

inline constexpr std::size_t kBoxBlock = 16;

/// Sixteen boxes in columns; an empty place has x1 = infinity, which overlaps nothing.
struct alignas(64) BoxBlock {
  float x1[kBoxBlock];
  float y1[kBoxBlock];
  float x2[kBoxBlock];
  float y2[kBoxBlock];
};

/// Level 0 holds the boxes; box i of level k + 1 is around block i of level k. The last level is one block.
struct BoxTreeView {
  static constexpr std::size_t kMostLevels = 9;  ///< Enough for 2^32 boxes, and one more.
  const BoxBlock* levels[kMostLevels];
  std::size_t depth;
};

/// Writes the indices in [begin, end), which must not be empty, of the boxes that overlap or touch `query`, rising, to
/// `out`; returns how many.
///
/// Adds to `work` the number of blocks looked at.
using FindBoxes = std::size_t (*)(const BoxTreeView& tree, std::size_t begin, std::size_t end, const Box& query,
                                  std::uint32_t* out, std::size_t& work);
std::size_t find_boxes_scalar(const BoxTreeView& tree, std::size_t begin, std::size_t end, const Box& query,
                              std::uint32_t* out, std::size_t& work);
#if defined(__x86_64__)
std::size_t find_boxes_avx2(const BoxTreeView& tree, std::size_t begin, std::size_t end, const Box& query,
                            std::uint32_t* out, std::size_t& work);
std::size_t find_boxes_avx512(const BoxTreeView& tree, std::size_t begin, std::size_t end, const Box& query,
                              std::uint32_t* out, std::size_t& work);
#elif defined(__aarch64__)
std::size_t find_boxes_neon(const BoxTreeView& tree, std::size_t begin, std::size_t end, const Box& query,
                            std::uint32_t* out, std::size_t& work);
#endif

inline FindBoxes find_boxes_kernel(Isa isa) {
#if defined(__x86_64__)
  if (isa == Isa::avx512) return find_boxes_avx512;
  if (isa == Isa::avx2) return find_boxes_avx2;
#elif defined(__aarch64__)
  if (isa == Isa::neon) return find_boxes_neon;
#endif
  static_cast<void>(isa);
  return find_boxes_scalar;
}

/// The walk of every kernel. `overlaps(block)` gives a bit for each box of the block that meets the query.
template <typename Overlaps>
inline std::size_t walk_boxes(const BoxTreeView& tree, std::size_t begin, std::size_t end, std::uint32_t* out,
                              std::size_t& work, Overlaps overlaps) {
  // Per level: its block that is being walked, the boxes of it still to be entered, and the first and the last box that
  // hold anything of [begin, end).
  std::size_t blocks[BoxTreeView::kMostLevels];
  std::uint32_t open[BoxTreeView::kMostLevels];
  std::size_t lows[BoxTreeView::kMostLevels], highs[BoxTreeView::kMostLevels];
  lows[0] = begin;
  highs[0] = end - 1;
  for (std::size_t level = 1; level < tree.depth; ++level) {
    lows[level] = lows[level - 1] / kBoxBlock;
    highs[level] = highs[level - 1] / kBoxBlock;
  }
  std::uint32_t* next = out;
  std::size_t level = tree.depth - 1;
  std::size_t block = 0;
  while (true) {
    ++work;
    std::uint32_t mask = overlaps(tree.levels[level][block]);
    if (block == lows[level] / kBoxBlock) mask &= 0xffffu << (lows[level] % kBoxBlock);
    if (block == highs[level] / kBoxBlock) mask &= 0xffffu >> (kBoxBlock - 1 - highs[level] % kBoxBlock);
    if (level == 0) {
      const auto base = static_cast<std::uint32_t>(block * kBoxBlock);
      for (; mask != 0; mask &= mask - 1) *next++ = base + static_cast<std::uint32_t>(std::countr_zero(mask));
    }
    blocks[level] = block;
    open[level] = mask;
    while (open[level] == 0) {
      if (++level == tree.depth) return static_cast<std::size_t>(next - out);
    }
    block = blocks[level] * kBoxBlock + static_cast<std::size_t>(std::countr_zero(open[level]));
    open[level] &= open[level] - 1;
    --level;
  }
}

}  // namespace framecast::kernels
