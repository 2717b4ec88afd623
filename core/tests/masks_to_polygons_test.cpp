#include "framecast/masks_to_polygons.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <vector>

#include "allocations.h"
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

namespace {

/// Per pair of rings, whether the second is around the first. Of rings with whole coordinates that do not cross.
std::vector<bool> rings_around(const Polygons& polygons) {
  const auto& points = polygons.points;
  const auto begin_of = [&](std::size_t r) { return static_cast<std::size_t>(polygons.ring_splits[r]); };
  const auto after = [&](std::size_t r, std::size_t i) { return i + 1 < begin_of(r + 1) ? i + 1 : begin_of(r); };
  const auto crossing = [&](std::size_t i, std::size_t j, double y) {
    return points[i].x + (y - points[i].y) * (static_cast<double>(points[j].x) - points[i].x) /
                             (static_cast<double>(points[j].y) - points[i].y);
  };
  const std::size_t rings = polygons.ring_splits.size() - 1;
  std::vector<bool> around(rings * rings);
  for (std::size_t r = 0; r < rings; ++r) {
    std::size_t own = begin_of(r);
    while (points[own].y == points[after(r, own)].y) ++own;
    // Half a pixel into an edge there is no vertex, so a ray to the left meets edges only in their middle.
    const double y = std::min(points[own].y, points[after(r, own)].y) + 0.5;
    const double x = crossing(own, after(r, own), y);
    for (std::size_t other = 0; other < rings; ++other) {
      if (other == r) continue;
      for (std::size_t i = begin_of(other); i < begin_of(other + 1); ++i) {
        const std::size_t j = after(other, i);
        if ((points[i].y > y) != (points[j].y > y) && crossing(i, j, y) < x) around[r * rings + other].flip();
      }
    }
  }
  return around;
}

}  // namespace

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
    for (const Polygons* polygons : {&exact, &simple}) {
      topology.load(polygons->points, polygons->ring_splits);
      topology.mark_conflicts(bad);
    }
    CHECK(bad == std::vector<std::uint8_t>(rings, 0));
    CHECK(rings_around(simple) == rings_around(exact));
  }
}

namespace {

/// Soft masks of noise and of discs with a hole, in boxes of all sizes, some of them outside.
struct RandomMasks {
  explicit RandomMasks(std::size_t count) {
    Random random(21);
    for (std::size_t k = 0; k < count; ++k) {
      for (std::size_t i = 0; i < 28 * 28; ++i) {
        const float x = static_cast<float>(i % 28) - 13.5f, y = static_cast<float>(i / 28) - 13.5f;
        const float ring = 8 - std::fabs(std::hypot(x, y) - 6);
        probabilities.push_back(k % 5 == 0 ? random.uniform(0, 1) : ring / 10 + random.uniform(-0.05f, 0.05f));
      }
      const float x1 = random.uniform(-30, 200), y1 = random.uniform(-30, 150);
      boxes.push_back({x1, y1, x1 + random.uniform(-2, 150), y1 + random.uniform(-2, 150)});
      rdp.push_back(k % 4 == 0 ? 0 : 0.01f);
      sizes.insert(sizes.end(), {150, 200});
    }
  }
  SoftMasks masks() const { return {probabilities, 28, boxes, sizes}; }

  std::vector<float> probabilities;
  std::vector<Box> boxes;
  std::vector<std::int32_t> sizes;
  std::vector<float> rdp;
};

bool equal(const Polygons& a, const Polygons& b) {
  return a.points == b.points && a.ring_splits == b.ring_splits && a.part_splits == b.part_splits &&
         a.instance_splits == b.instance_splits && a.areas == b.areas && a.boxes == b.boxes;
}

}  // namespace

TEST(a_pool_changes_no_bit) {
  const RandomMasks random(83);
  const std::vector<std::uint8_t> pixels(9 * 40 * 50, 1);
  Polygons alone, together;
  MaskWorkspace workspace;
  ThreadPool pool(3);
  for (std::size_t count : {0, 1, 2, 7, 83}) {
    SoftMasks masks = random.masks();
    masks.probabilities = masks.probabilities.first(count * 28 * 28);
    masks.boxes = masks.boxes.first(count);
    masks.image_sizes = masks.image_sizes.first(2 * count);
    const std::span<const float> rdp(random.rdp.data(), count);
    masks_to_polygons(masks, 0.5f, rdp, alone, workspace);
    masks_to_polygons(masks, 0.5f, rdp, together, workspace, &pool);
    CHECK(equal(alone, together));
    CHECK(together.areas.size() == count);
  }
  const std::vector<float> rdp(9, 0.01f);
  binary_masks_to_polygons({pixels, 40, 50}, rdp, alone, workspace);
  binary_masks_to_polygons({pixels, 40, 50}, rdp, together, workspace, &pool);
  CHECK(equal(alone, together));
}

TEST(the_steady_state_allocates_nothing) {
  const RandomMasks random(60);
  Polygons out;
  MaskWorkspace workspace;
  const std::vector<std::uint8_t> pixels(60 * 20 * 70, 1);
  auto call = [&] {
    masks_to_polygons(random.masks(), 0.5f, random.rdp, out, workspace);
    binary_masks_to_polygons({pixels, 20, 70}, random.rdp, out, workspace);
  };
  call();
  CHECK(allocations_of(call) == 0);
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
