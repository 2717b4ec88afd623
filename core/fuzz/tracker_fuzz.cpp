#include <set>
#include <span>
#include <stdexcept>
#include <vector>

#include "framecast/tracker.h"
#include "fuzz_input.h"

namespace {

/// Any bytes: refused, or a tracker that takes a frame.
void restore_anything(const framecast::TrackerSettings& settings, std::span<const std::uint8_t> bytes) {
  try {
    framecast::Tracker tracker(settings, bytes);
    framecast::Tracker* const one[] = {&tracker};
    framecast::TrackWorkspace workspace;
    const framecast::Box box{0, 0, 10, 10};
    const float score = 1;
    const std::int32_t label = 0;
    const std::int64_t splits[] = {0, 1};
    std::int64_t id = 0;
    framecast::track(one, {{&box, 1}, {&score, 1}, {&label, 1}, splits}, {&id, 1}, workspace);
    FUZZ_CHECK(id == -1 || id > 0);
  } catch (const std::invalid_argument&) {
  }
}

}  // namespace

// Any frames: no id comes twice in one, ids only ever rise by those that are new, rows without a place have none, and
// tracks never outlive their time. One that is saved and restored goes on in the same way.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  FuzzInput input(data, size);
  framecast::TrackerSettings settings;
  settings.high_score = input.fraction();
  settings.low_score = settings.high_score * input.fraction();
  settings.new_score = input.fraction();
  settings.max_cost = input.fraction();
  settings.max_cost_low = input.fraction();
  settings.max_cost_new = input.fraction();
  settings.lost_frames = input.in_range<std::int32_t>(0, 5);
  settings.class_agnostic = input.flag();
  restore_anything(settings, {data, size});
  framecast::Tracker tracker(settings);
  framecast::Tracker* const one[] = {&tracker};
  framecast::TrackWorkspace workspace;
  std::int64_t highest = 0;
  for (int frame = 0; frame < 20 && input.remaining() > 0; ++frame) {
    const auto rows = input.in_range<std::size_t>(0, 30);
    std::vector<framecast::Box> boxes(rows);
    std::vector<float> scores(rows);
    std::vector<std::int32_t> classes(rows);
    for (std::size_t i = 0; i < rows; ++i) {
      boxes[i] = {input.number(), input.number(), input.number(), input.number()};
      if (input.flag()) boxes[i] = {boxes[i].x1, boxes[i].y1, boxes[i].x1 + 20, boxes[i].y1 + 20};
      scores[i] = input.flag() ? input.fraction() : input.number();
      classes[i] = input.in_range<std::int32_t>(0, 2);
    }
    const std::int64_t splits[] = {0, static_cast<std::int64_t>(rows)};
    std::vector<std::int64_t> ids(rows);
    std::vector<std::uint8_t> saved = tracker.save();
    framecast::Tracker restored(settings, saved);
    framecast::track(one, {boxes, scores, classes, splits}, ids, workspace);
    framecast::Tracker* const other[] = {&restored};
    std::vector<std::int64_t> other_ids(rows);
    framecast::track(other, {boxes, scores, classes, splits}, other_ids, workspace);
    FUZZ_CHECK(other_ids == ids && restored.save() == tracker.save());
    if (!saved.empty()) saved[input.in_range<std::size_t>(0, saved.size() - 1)] ^= input.take<std::uint8_t>();
    restore_anything(settings, saved);
    std::set<std::int64_t> present;
    for (std::size_t i = 0; i < rows; ++i) {
      if (ids[i] == -1) continue;
      FUZZ_CHECK(ids[i] > 0 && present.insert(ids[i]).second);
      FUZZ_CHECK(scores[i] > settings.low_score && boxes[i].x1 < boxes[i].x2 && boxes[i].y1 < boxes[i].y2);
    }
    for (const framecast::Track& track : tracker.tracks()) {
      FUZZ_CHECK(tracker.frame() - track.last_frame <= settings.lost_frames);
      FUZZ_CHECK((track.id == 0) == (track.stage == framecast::TrackStage::tentative));
      if (track.stage == framecast::TrackStage::tracked) FUZZ_CHECK(present.count(track.id) == 1);
    }
    const std::int64_t now = present.empty() ? highest : std::max(highest, *present.rbegin());
    FUZZ_CHECK(now - highest <= static_cast<std::int64_t>(present.size()));
    highest = now;
  }
  return 0;
}
