#include "framecast/tracker.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <numeric>
#include <set>
#include <stdexcept>

#include "allocations.h"
#include "check.h"
#include "random.h"

using framecast::Box;
using framecast::Tracker;
using framecast::TrackWorkspace;

namespace {

struct Frame {
  std::vector<Box> boxes;
  std::vector<float> scores;
  std::vector<std::int32_t> classes;
};

std::vector<std::int64_t> step(Tracker& tracker, const Frame& frame, TrackWorkspace& workspace) {
  Tracker* const one[] = {&tracker};
  const std::int64_t splits[] = {0, static_cast<std::int64_t>(frame.boxes.size())};
  std::vector<std::int64_t> ids(frame.boxes.size(), -7);
  framecast::track(one, {frame.boxes, frame.scores, frame.classes, splits}, ids, workspace);
  return ids;
}

Frame one(const Box& box, float score = 0.9f, std::int32_t label = 0) { return {{box}, {score}, {label}}; }

Box moved(const Box& box, float x, float y = 0) { return {box.x1 + x, box.y1 + y, box.x2 + x, box.y2 + y}; }

/// Objects on straight ways through each other, seen with noise, in changing order.
struct Scene {
  std::vector<Box> at;
  std::vector<std::pair<float, float>> speed;
  Random random;

  Scene(std::uint64_t seed, std::size_t count) : random(seed) {
    for (std::size_t i = 0; i < count; ++i) {
      const float x = random.uniform(0, 1000), y = random.uniform(0, 1000), width = random.uniform(30, 90);
      at.push_back({x, y, x + width, y + width * random.uniform(0.7f, 2)});
      speed.push_back({random.uniform(-3, 3), random.uniform(-3, 3)});
    }
  }

  Frame next(std::vector<std::size_t>& order) {
    order.resize(at.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random.below(i)]);
    Frame frame;
    for (std::size_t i : order) {
      at[i] = moved(at[i], speed[i].first, speed[i].second);
      frame.boxes.push_back(moved(at[i], random.uniform(-1, 1), random.uniform(-1, 1)));
      frame.scores.push_back(random.below(10) == 0 ? 0.3f : random.uniform(0.7f, 1));
      frame.classes.push_back(static_cast<std::int32_t>(i % 3));
    }
    return frame;
  }
};

}  // namespace

TEST(objects_keep_their_ids) {
  TrackWorkspace workspace;
  Tracker tracker({});
  Scene scene(1, 12);
  std::vector<std::int64_t> id_of(12, -1);
  std::vector<std::size_t> order;
  for (int frame = 0; frame < 100; ++frame) {
    const Frame seen = scene.next(order);
    const auto ids = step(tracker, seen, workspace);
    for (std::size_t row = 0; row < ids.size(); ++row) {
      if (ids[row] < 0) continue;
      std::int64_t& id = id_of[order[row]];
      if (id < 0) id = ids[row];
      CHECK(id == ids[row]);
    }
    if (frame > 10) CHECK(std::count(ids.begin(), ids.end(), -1) == 0);
  }
  CHECK((std::set<std::int64_t>(id_of.begin(), id_of.end()).size() == 12));
  CHECK(*std::max_element(id_of.begin(), id_of.end()) == 12);
}

TEST(two_that_cross_behind_each_other_go_on_their_ways) {
  TrackWorkspace workspace;
  Tracker tracker({});
  const Box left{0, 0, 40, 80}, right{400, 10, 440, 90};
  for (int frame = 0; frame < 100; ++frame) {
    const float t = static_cast<float>(frame);
    Frame seen{{moved(left, 4 * t)}, {0.9f}, {0}};
    // Hidden while they are close.
    if (frame < 47 || frame > 53) {
      seen.boxes.push_back(moved(right, -4 * t));
      seen.scores.push_back(0.9f);
      seen.classes.push_back(0);
    }
    const auto ids = step(tracker, seen, workspace);
    CHECK(ids[0] == 1 && (ids.size() == 1 || ids[1] == 2));
  }
}

TEST(a_low_row_keeps_a_track_up_but_begins_none) {
  TrackWorkspace workspace;
  Tracker tracker({});
  const Box box{0, 0, 50, 50}, other{200, 0, 250, 50};
  CHECK((step(tracker, one(box), workspace) == std::vector<std::int64_t>{1}));
  for (int frame = 0; frame < 60; ++frame) {
    const Frame low{{other, box}, {0.4f, 0.3f}, {0, 0}};
    CHECK((step(tracker, low, workspace) == std::vector<std::int64_t>{-1, 1}));
  }
  CHECK(tracker.tracks().size() == 1);
  CHECK((step(tracker, one(box, 0.05f), workspace) == std::vector<std::int64_t>{-1}));
  CHECK(tracker.tracks()[0].stage == framecast::TrackStage::lost);
}

TEST(a_lost_track_is_found_again_within_its_time) {
  TrackWorkspace workspace;
  for (int gap : {5, 10, 11}) {
    Tracker tracker({.lost_frames = 10});
    const Box box{0, 0, 50, 50};
    step(tracker, one(box), workspace);
    for (int frame = 0; frame < gap; ++frame) step(tracker, {}, workspace);
    const auto ids = step(tracker, one(box), workspace);
    CHECK(ids[0] == (gap <= 10 ? 1 : -1));
    CHECK(tracker.tracks().size() == 1);
  }
}

TEST(a_new_object_gets_its_id_in_its_second_frame) {
  TrackWorkspace workspace;
  Tracker tracker({});
  const Box box{0, 0, 50, 50}, other{200, 0, 250, 50};
  step(tracker, one(box), workspace);
  const Frame both{{box, other}, {0.9f, 0.9f}, {0, 0}};
  CHECK((step(tracker, both, workspace) == std::vector<std::int64_t>{1, -1}));
  CHECK((step(tracker, both, workspace) == std::vector<std::int64_t>{1, 2}));
  // One that is gone at once never had one.
  const Frame flicker{{box, moved(other, 300)}, {0.9f, 0.9f}, {0, 0}};
  CHECK((step(tracker, flicker, workspace) == std::vector<std::int64_t>{1, -1}));
  step(tracker, one(box), workspace);
  CHECK((step(tracker, flicker, workspace) == std::vector<std::int64_t>{1, -1}));
}

TEST(classes_do_not_mix_unless_asked) {
  TrackWorkspace workspace;
  const Box box{0, 0, 50, 50};
  Tracker strict({}), loose({.class_agnostic = true});
  for (Tracker* tracker : {&strict, &loose}) step(*tracker, one(box, 0.9f, 1), workspace);
  CHECK((step(strict, one(box, 0.9f, 2), workspace) == std::vector<std::int64_t>{-1}));
  CHECK((step(loose, one(box, 0.9f, 2), workspace) == std::vector<std::int64_t>{1}));
  CHECK(loose.tracks()[0].label == 2);
}

TEST(odd_rows_have_no_id) {
  TrackWorkspace workspace;
  Tracker tracker({});
  const float nan = std::numeric_limits<float>::quiet_NaN(), inf = std::numeric_limits<float>::infinity();
  const Frame frame{{{0, 0, 9, 9}, {0, nan, 9, 9}, {0, 0, inf, 9}, {5, 5, 5, 9}, {5, 5, 1, 1}, {0, 0, 9, 9}},
                    {nan, 0.9f, 0.9f, 0.9f, 0.9f, inf},
                    std::vector<std::int32_t>(6, 0)};
  for (int i = 0; i < 3; ++i) {
    CHECK((step(tracker, frame, workspace) == std::vector<std::int64_t>{-1, -1, -1, -1, -1, 1}));
  }
}

TEST(a_batch_with_a_pool_gives_each_stream_what_it_gets_alone_and_allocates_nothing) {
  framecast::ThreadPool pool(3);
  TrackWorkspace workspace, shared;
  std::vector<std::unique_ptr<Tracker>> alone, together;
  std::vector<Tracker*> streams;
  std::vector<Scene> scenes;
  for (std::uint64_t b = 0; b < 6; ++b) {
    alone.push_back(std::make_unique<Tracker>(framecast::TrackerSettings{}));
    together.push_back(std::make_unique<Tracker>(framecast::TrackerSettings{}));
    streams.push_back(together.back().get());
    scenes.emplace_back(b, 5 + 10 * b);
  }
  std::vector<std::size_t> order;
  Frame all;
  std::vector<std::int64_t> splits, ids;
  for (int frame = 0; frame < 60; ++frame) {
    all = {};
    splits.assign(1, 0);
    std::vector<std::int64_t> expected;
    for (std::size_t b = 0; b < scenes.size(); ++b) {
      const Frame seen = scenes[b].next(order);
      all.boxes.insert(all.boxes.end(), seen.boxes.begin(), seen.boxes.end());
      all.scores.insert(all.scores.end(), seen.scores.begin(), seen.scores.end());
      all.classes.insert(all.classes.end(), seen.classes.begin(), seen.classes.end());
      splits.push_back(static_cast<std::int64_t>(all.boxes.size()));
      const auto part = step(*alone[b], seen, workspace);
      expected.insert(expected.end(), part.begin(), part.end());
    }
    ids.assign(all.boxes.size(), -7);
    framecast::track(streams, {all.boxes, all.scores, all.classes, splits}, ids, shared, &pool);
    CHECK(ids == expected);
  }
  auto again = [&] { framecast::track(streams, {all.boxes, all.scores, all.classes, splits}, ids, workspace); };
  for (int i = 0; i < 5; ++i) again();
  CHECK(allocations_of(again) == 0);
}

TEST(refuses_what_does_not_fit) {
  CHECK_REFUSES("low_score", Tracker({.low_score = 0.7f}));
  CHECK_REFUSES("max_cost", Tracker({.max_cost = 1.5f}));
  CHECK_REFUSES("lost_frames", Tracker({.lost_frames = -1}));
  Tracker tracker({});
  TrackWorkspace workspace;
  const std::vector<Box> boxes(2);
  const std::vector<float> scores(2);
  const std::vector<std::int32_t> classes(2);
  const std::int64_t splits[] = {0, 2}, two_frames[] = {0, 1, 2};
  std::vector<std::int64_t> ids(2), few(1);
  Tracker* const once[] = {&tracker};
  Tracker* const twice[] = {&tracker, &tracker};
  CHECK_REFUSES("trackers", framecast::track(once, {boxes, scores, classes, two_frames}, ids, workspace));
  CHECK_REFUSES("trackers", framecast::track(twice, {boxes, scores, classes, two_frames}, ids, workspace));
  CHECK_REFUSES("ids", framecast::track(once, {boxes, scores, classes, splits}, few, workspace));
  framecast::track(once, {boxes, scores, classes, splits}, ids, workspace);
  CHECK(tracker.frame() == 1);
}
