#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "framecast/box.h"
#include "framecast/point.h"
#include "kernels/box_tree.h"

namespace framecast {

/// Boxes in a tree of 16 children per node, to find those that meet a given one.
///
/// Nodes join neighbours in the order given, so there is nothing to sort; the order should follow the plane, as the
/// edges along a ring do. No spread of the boxes, however uneven, makes it worse.
class BoxTree {
 public:
  /// Makes room for `count` boxes, each of which must be `set` before `finish`.
  void reset(std::size_t count);
  /// Coordinates must not be NaN.
  void set(std::size_t index, const Box& box) {
    kernels::BoxBlock& block = blocks_[index / kernels::kBoxBlock];
    const std::size_t lane = index % kernels::kBoxBlock;
    block.x1[lane] = box.x1;
    block.y1[lane] = box.y1;
    block.x2[lane] = box.x2;
    block.y2[lane] = box.y2;
  }
  Box box(std::size_t index) const {
    const kernels::BoxBlock& block = blocks_[index / kernels::kBoxBlock];
    const std::size_t lane = index % kernels::kBoxBlock;
    return {block.x1[lane], block.y1[lane], block.x2[lane], block.y2[lane]};
  }
  void finish();

  /// The boxes with an index in [begin, end) that overlap or touch `query`, rising; valid until the next call.
  ///
  /// Adds to `work` the number of nodes looked at.
  std::span<const std::uint32_t> find(std::size_t begin, std::size_t end, const Box& query, std::size_t& work) {
    if (begin >= end) return {};
    return {found_.data(), find_(view_, begin, end, query, found_.data(), work)};
  }

 private:
  std::vector<kernels::BoxBlock> blocks_;  ///< Leaves, then what joins them, level by level.
  kernels::BoxTreeView view_{};
  std::size_t count_ = 0;
  kernels::FindBoxes find_ = nullptr;
  std::vector<std::uint32_t> found_;
};

/// The box around a segment.
inline Box box_around(const Point& a, const Point& b) {
  return {std::min(a.x, b.x), std::min(a.y, b.y), std::max(a.x, b.x), std::max(a.y, b.y)};
}

}  // namespace framecast
