#include "framecast/map_boxes.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "allocations.h"
#include "check.h"
#include "random.h"

using framecast::Box;
using framecast::Placement;
using framecast::SourceBoxes;
using framecast::ThreadPool;

namespace {

struct Batch {
  std::vector<Box> boxes;
  std::vector<std::int64_t> rows, splits{0};
  std::vector<Placement> placements;
  std::vector<std::int32_t> image_sizes;

  framecast::PlacedBoxes placed() const { return {boxes, rows, splits, placements, image_sizes}; }
};

Batch random_batch(Random& random, std::size_t images) {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  Batch batch;
  for (std::size_t i = random.below(50) + 1; i > 0; --i) {
    const float x = random.uniform(-50, 700), y = random.uniform(-50, 700);
    batch.boxes.push_back({x, y, x + random.uniform(-5, 90), y + random.uniform(-5, 90)});
    if (random.below(10) == 0) (&batch.boxes.back().x1)[random.below(4)] = kNan;
  }
  for (std::size_t b = 0; b < images; ++b) {
    for (std::size_t i = random.below(40); i > 0; --i) {
      batch.rows.push_back(static_cast<std::int64_t>(random.below(batch.boxes.size())));
    }
    batch.splits.push_back(static_cast<std::int64_t>(batch.rows.size()));
    batch.placements.push_back(
        {random.uniform(-100, 100), random.uniform(0, 100), random.uniform(0.1f, 3), random.uniform(0.1f, 3)});
    batch.image_sizes.push_back(static_cast<std::int32_t>(random.below(900)));
    batch.image_sizes.push_back(static_cast<std::int32_t>(random.below(900)));
  }
  return batch;
}

/// The definition: one box, or none.
std::vector<Box> plain(const Box& box, const Placement& place, float height, float width, bool clip) {
  const Box whole{(box.x1 - place.x) / place.scale_x, (box.y1 - place.y) / place.scale_y,
                  (box.x2 - place.x) / place.scale_x, (box.y2 - place.y) / place.scale_y};
  if (std::isnan(whole.x1) || std::isnan(whole.y1) || std::isnan(whole.x2) || std::isnan(whole.y2)) return {};
  const Box inside{std::clamp(whole.x1, 0.0f, width), std::clamp(whole.y1, 0.0f, height),
                   std::clamp(whole.x2, 0.0f, width), std::clamp(whole.y2, 0.0f, height)};
  if (!(inside.x2 > inside.x1 && inside.y2 > inside.y1)) return {};
  return {clip ? inside : whole};
}

}  // namespace

TEST(every_box_is_mapped_as_defined) {
  Random random(3);
  ThreadPool pool(3);
  SourceBoxes out, by_pool;
  for (int round = 0; round < 500; ++round) {
    const Batch batch = random_batch(random, random.below(5));
    const bool clip = round % 2 == 0;
    framecast::map_boxes(batch.placed(), clip, out);
    SourceBoxes expected;
    expected.splits = {0};
    for (std::size_t b = 0; b < batch.placements.size(); ++b) {
      for (auto i = static_cast<std::size_t>(batch.splits[b]); i < static_cast<std::size_t>(batch.splits[b + 1]); ++i) {
        const auto row = static_cast<std::size_t>(batch.rows[i]);
        for (const Box& box : plain(batch.boxes[row], batch.placements[b], static_cast<float>(batch.image_sizes[2 * b]),
                                    static_cast<float>(batch.image_sizes[2 * b + 1]), clip)) {
          expected.boxes.push_back(box);
          expected.rows.push_back(batch.rows[i]);
        }
      }
      expected.splits.push_back(static_cast<std::int64_t>(expected.rows.size()));
    }
    CHECK(out.boxes == expected.boxes && out.rows == expected.rows && out.splits == expected.splits);
    framecast::map_boxes(batch.placed(), clip, by_pool, &pool);
    CHECK(by_pool.boxes == out.boxes && by_pool.rows == out.rows && by_pool.splits == out.splits);
  }
}

TEST(mapping_again_allocates_nothing) {
  Random random(5);
  const Batch batch = random_batch(random, 4);
  SourceBoxes out;
  auto again = [&] { framecast::map_boxes(batch.placed(), true, out); };
  again();
  CHECK(allocations_of(again) == 0);
}

TEST(what_does_not_fit_is_refused) {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  const Batch good{{{0, 0, 4, 4}}, {0}, {0, 1}, {{0, 0, 1, 1}}, {8, 8}};
  SourceBoxes out;
  framecast::map_boxes(good.placed(), true, out);
  CHECK(out.rows.size() == 1);
  auto map_changed = [&](auto&& change) {
    Batch bad = good;
    change(bad);
    framecast::map_boxes(bad.placed(), true, out);
  };
  CHECK_REFUSES("rows", map_changed([](Batch& bad) { bad.rows = {1}; }));
  CHECK_REFUSES("rows", map_changed([](Batch& bad) { bad.rows = {-1}; }));
  CHECK_REFUSES("splits", map_changed([](Batch& bad) { bad.splits = {0, 2}; }));
  CHECK_REFUSES("splits", map_changed([](Batch& bad) { bad.splits.clear(); }));
  CHECK_REFUSES("placements", map_changed([](Batch& bad) { bad.placements.clear(); }));
  CHECK_REFUSES("placements", map_changed([](Batch& bad) { bad.placements[0].scale_x = 0; }));
  CHECK_REFUSES("placements", map_changed([](Batch& bad) { bad.placements[0].scale_y = kNan; }));
  CHECK_REFUSES("placements", map_changed([](Batch& bad) { bad.placements[0].x = kNan; }));
  CHECK_REFUSES("image_sizes", map_changed([](Batch& bad) { bad.image_sizes = {8}; }));
  CHECK_REFUSES("image_sizes", map_changed([](Batch& bad) { bad.image_sizes = {8, -1}; }));
}
