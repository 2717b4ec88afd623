#include "framecast/masks_to_polygons.h"

#include <algorithm>
#include <stdexcept>
#include <vector>

#include "check.h"
#include "framecast/polygons_to_mask.h"
#include "random.h"
#include "ring_topology.h"

using namespace framecast;

TEST(a_full_soft_mask_covers_its_box) {
  const std::vector<float> probabilities(28 * 28, 1.0f);
  const std::vector<Box> boxes = {{10, 20, 40, 50}};
  const std::vector<std::int32_t> sizes = {60, 60};
  const float rdp = 0.01f;
  Polygons out;
  MaskWorkspace workspace;
  masks_to_polygons({probabilities, 28, boxes, sizes}, 0.5f, {&rdp, 1}, out, workspace);
  CHECK(out.instance_splits == (std::vector<std::int64_t>{0, 1}));
  CHECK(out.part_splits == (std::vector<std::int64_t>{0, 1}));
  CHECK(out.points.size() == 4);
  CHECK(out.boxes[0].x1 >= 9 && out.boxes[0].x1 <= 10 && out.boxes[0].x2 >= 40 && out.boxes[0].x2 <= 42);
}

TEST(simplified_families_have_no_conflict_and_keep_their_parts) {
  Random random(11);
  MaskWorkspace workspace;
  Polygons exact, simple;
  RingTopology topology;
  for (int round = 0; round < 400; ++round) {
    const std::size_t height = 5 + random.below(40), width = 5 + random.below(40);
    std::vector<std::uint8_t> mask(height * width, 0);
    for (std::size_t stroke = 0; stroke < 12; ++stroke) {
      const std::size_t x = random.below(width), y = random.below(height);
      const std::size_t w = 1 + random.below(12), h = 1 + random.below(12);
      for (std::size_t j = y; j < std::min(y + h, height); ++j) {
        for (std::size_t i = x; i < std::min(x + w, width); ++i) mask[j * width + i] = stroke % 3 != 2;
      }
    }
    const float none = 0, rdp = random.uniform(0.002f, 0.3f);
    binary_masks_to_polygons({mask, height, width}, {&none, 1}, exact, workspace);
    binary_masks_to_polygons({mask, height, width}, {&rdp, 1}, simple, workspace);
    CHECK(exact.part_splits == simple.part_splits && exact.areas == simple.areas);
    const std::size_t rings = simple.ring_splits.size() - 1;
    std::vector<std::uint8_t> bad(rings, 0);
    std::vector<std::int32_t> before(rings), after(rings);
    topology.load(exact.points, exact.ring_splits);
    topology.mark_conflicts(bad);
    topology.find_parents(before);
    topology.load(simple.points, simple.ring_splits);
    topology.mark_conflicts(bad);
    topology.find_parents(after);
    CHECK(bad == std::vector<std::uint8_t>(rings, 0));
    CHECK(before == after);
  }
}

TEST(refuses_what_does_not_fit) {
  MaskWorkspace workspace;
  Polygons out;
  const std::vector<float> probabilities(9);
  const std::vector<Box> boxes(1);
  const std::vector<std::int32_t> sizes = {5, 5}, empty = {0, 5};
  const float zero = 0, negative = -1;
  CHECK_REFUSES("masks", masks_to_polygons({probabilities, 2, boxes, sizes}, 0.5f, {&zero, 1}, out, workspace));
  CHECK_REFUSES("image_sizes", masks_to_polygons({probabilities, 3, boxes, empty}, 0.5f, {&zero, 1}, out, workspace));
  CHECK_REFUSES("rdp_thresholds",
                masks_to_polygons({probabilities, 3, boxes, sizes}, 0.5f, {&negative, 1}, out, workspace));
}
