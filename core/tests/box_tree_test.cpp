#include "box_tree.h"

#include <vector>

#include "check.h"
#include "random.h"

using framecast::Box;
using framecast::BoxTree;
using framecast::Isa;

namespace {

bool meet(const Box& a, const Box& b) { return a.x1 <= b.x2 && a.x2 >= b.x1 && a.y1 <= b.y2 && a.y2 >= b.y1; }

Box random_box(Random& random) {
  const auto x = static_cast<float>(random.below(60)), y = static_cast<float>(random.below(60));
  return {x, y, x + static_cast<float>(random.below(4)), y + static_cast<float>(random.below(4))};
}

BoxTree tree_of(const std::vector<Box>& boxes) {
  BoxTree tree;
  tree.reset(boxes.size());
  for (std::size_t i = 0; i < boxes.size(); ++i) tree.set(i, boxes[i]);
  tree.finish();
  return tree;
}

}  // namespace

TEST(finds_what_a_plain_loop_finds) {
  Random random(1);
  for (const std::size_t count : {0, 1, 2, 15, 16, 17, 31, 33, 130, 255, 256, 257, 300, 4097}) {
    std::vector<Box> boxes(count);
    for (Box& box : boxes) box = random_box(random);
    BoxTree tree = tree_of(boxes);
    for (int round = 0; round < 60; ++round) {
      const Box query = random_box(random);
      const std::size_t begin = random.below(count + 1), end = begin + random.below(count + 1 - begin);
      std::vector<std::uint32_t> expected;
      for (std::size_t i = begin; i < end; ++i) {
        if (meet(boxes[i], query)) expected.push_back(static_cast<std::uint32_t>(i));
      }
      std::size_t work = 0;
      const auto found = tree.find(begin, end, query, work);
      CHECK(std::vector<std::uint32_t>(found.begin(), found.end()) == expected);
    }
  }
}

TEST(kernels_do_the_same_work) {
  Random random(2);
  std::vector<framecast::kernels::BoxBlock> blocks(1 + 16);
  for (std::size_t i = 0; i < 16 * 16; ++i) {
    const Box box = random_box(random);
    auto& block = blocks[1 + i / 16];
    block.x1[i % 16] = box.x1, block.y1[i % 16] = box.y1, block.x2[i % 16] = box.x2, block.y2[i % 16] = box.y2;
  }
  for (std::size_t i = 0; i < 16; ++i) {  // The upper level lets all through.
    blocks[0].x1[i] = blocks[0].y1[i] = -1e9f, blocks[0].x2[i] = blocks[0].y2[i] = 1e9f;
  }
  const framecast::kernels::BoxTreeView view{{&blocks[1], &blocks[0]}, 2};
  for (int round = 0; round < 500; ++round) {
    const Box query = random_box(random);
    const std::size_t begin = random.below(256), end = begin + 1 + random.below(256 - begin);
    std::uint32_t expected[256], found[256];
    std::size_t expected_work = 0;
    const std::size_t count = framecast::kernels::find_boxes_scalar(view, begin, end, query, expected, expected_work);
    for (Isa isa : {Isa::scalar, Isa::neon, Isa::avx2, Isa::avx512}) {
      if (!framecast::is_supported(isa)) continue;
      std::size_t work = 0;
      CHECK(framecast::kernels::find_boxes_kernel(isa)(view, begin, end, query, found, work) == count);
      CHECK(work == expected_work && std::equal(found, found + count, expected));
    }
  }
}

TEST(a_smaller_family_sees_nothing_of_a_larger_one_before) {
  Random random(3);
  std::vector<Box> boxes(700, Box{0, 0, 9, 9});
  BoxTree tree = tree_of(boxes);
  tree.reset(18);
  for (std::size_t i = 0; i < 18; ++i) tree.set(i, {20, 20, 30, 30});
  tree.finish();
  std::size_t work = 0;
  CHECK(tree.find(0, 18, {0, 0, 9, 9}, work).empty());
  CHECK(tree.find(0, 18, {30, 30, 31, 31}, work).size() == 18);
}
