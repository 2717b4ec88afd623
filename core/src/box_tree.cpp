#include "box_tree.h"

#include <limits>

namespace framecast {
namespace {

using kernels::BoxBlock;
using kernels::kBoxBlock;

constexpr float kInfinity = std::numeric_limits<float>::infinity();

/// `take` of all sixteen, by halves, which a compiler can do in vectors.
template <typename Take>
float reduce(const float (&values)[kBoxBlock], Take take) {
  float rest[kBoxBlock / 2];
  for (std::size_t i = 0; i < kBoxBlock / 2; ++i) rest[i] = take(values[i], values[i + kBoxBlock / 2]);
  for (std::size_t i = 0; i < 4; ++i) rest[i] = take(rest[i], rest[i + 4]);
  for (std::size_t i = 0; i < 2; ++i) rest[i] = take(rest[i], rest[i + 2]);
  return take(rest[0], rest[1]);
}

float lowest(const float (&values)[kBoxBlock]) {
  return reduce(values, [](float a, float b) { return a < b ? a : b; });
}

float highest(const float (&values)[kBoxBlock]) {
  return reduce(values, [](float a, float b) { return a > b ? a : b; });
}

/// At least one: a tree of nothing has an empty block.
std::size_t blocks_for(std::size_t count) { return count == 0 ? 1 : (count + kBoxBlock - 1) / kBoxBlock; }

/// Empties the places behind the last of `count` boxes.
void pad(BoxBlock* blocks, std::size_t count) {
  for (std::size_t i = count; i < blocks_for(count) * kBoxBlock; ++i) {
    BoxBlock& block = blocks[i / kBoxBlock];
    block.x1[i % kBoxBlock] = block.y1[i % kBoxBlock] = kInfinity;
    block.x2[i % kBoxBlock] = block.y2[i % kBoxBlock] = -kInfinity;
  }
}

}  // namespace

void BoxTree::reset(std::size_t count) {
  find_ = kernels::find_boxes_kernel(active_isa());
  count_ = count;
  if (found_.size() < count) found_.resize(count);
  std::size_t total = blocks_for(count);
  for (std::size_t boxes = count; boxes > kBoxBlock; total += blocks_for(boxes)) boxes = blocks_for(boxes);
  if (blocks_.size() < total) blocks_.resize(total);
  kernels::BoxBlock* level = blocks_.data();
  view_.depth = 0;
  for (std::size_t boxes = count;; boxes = blocks_for(boxes)) {
    view_.levels[view_.depth++] = level;
    pad(level, boxes);
    level += blocks_for(boxes);
    if (boxes <= kBoxBlock) break;
  }
}

void BoxTree::finish() {
  BoxBlock* level = blocks_.data();
  for (std::size_t boxes = count_; boxes > kBoxBlock; boxes = blocks_for(boxes)) {
    const std::size_t blocks = blocks_for(boxes);
    BoxBlock* above = level + blocks;
    for (std::size_t i = 0; i < blocks; ++i) {
      BoxBlock& block = above[i / kBoxBlock];
      block.x1[i % kBoxBlock] = lowest(level[i].x1);
      block.y1[i % kBoxBlock] = lowest(level[i].y1);
      block.x2[i % kBoxBlock] = highest(level[i].x2);
      block.y2[i % kBoxBlock] = highest(level[i].y2);
    }
    level = above;
  }
}

}  // namespace framecast
