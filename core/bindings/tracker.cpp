#include "framecast/tracker.h"

#include <nanobind/stl/optional.h>

#include <optional>

#include "arrays.h"
#include "recycled.h"
#include "trackers_in_use.h"

namespace framecast::bindings {
namespace {

struct Seen {
  std::vector<std::int64_t> ids;
  std::vector<Box> boxes;
  std::vector<float> scores;
  std::vector<std::int32_t> classes;
  std::vector<std::int64_t> unseen;
};

/// The tracks that have an id.
nb::tuple tracks_numpy(Tracker& tracker) {
  Tracker* const held[] = {&tracker};
  const TrackersInUse in_use(held);
  auto result = std::make_unique<Seen>();
  const std::span<const Track> tracks = tracker.tracks();
  for (std::size_t i = 0; i < tracks.size(); ++i) {
    if (tracks[i].stage == TrackStage::tentative) continue;
    result->ids.push_back(tracks[i].id);
    result->scores.push_back(tracks[i].score);
    result->classes.push_back(tracks[i].label);
    result->unseen.push_back(tracker.frame() - tracks[i].last_frame);
    result->boxes.emplace_back();
    kalman_boxes({&tracker.filters()[i], 1}, {&result->boxes.back(), 1});
  }
  return nb::make_tuple(to_numpy(std::move(result->ids)), to_numpy(std::move(result->boxes)),
                        to_numpy(std::move(result->scores)), to_numpy(std::move(result->classes)),
                        to_numpy(std::move(result->unseen)));
}

nb::bytes save_bytes(Tracker& tracker) {
  Tracker* const held[] = {&tracker};
  const TrackersInUse in_use(held);
  const std::vector<std::uint8_t> saved = tracker.save();
  return nb::bytes(saved.data(), saved.size());
}

nb::object track_numpy(nb::sequence trackers, Input<float, 2> boxes, Input<float, 1> scores,
                       Input<std::int32_t, 1> classes, Input<std::int64_t, 1> splits, ThreadPool* pool) {
  const TrackBatch batch{rows<Box>(boxes, "boxes: must be [N, 4]"), span(scores), span(classes), span(splits)};
  // A tuple of its own keeps the trackers alive, whatever becomes of the caller's sequence meanwhile.
  const nb::tuple held(trackers);
  std::vector<Tracker*> streams;
  streams.reserve(held.size());
  for (nb::handle tracker : held) {
    Tracker* stream = nullptr;
    if (!nb::try_cast(tracker, stream) || stream == nullptr) throw nb::type_error("trackers: must be Tracker objects");
    streams.push_back(stream);
  }
  auto result = Recycled<std::vector<std::int64_t>>::take();
  {
    nb::gil_scoped_release release;
    thread_local TrackWorkspace workspace;
    result->resize(batch.boxes.size());
    track(streams, batch, *result, workspace, pool);
  }
  std::vector<std::int64_t>& ids = *result;
  const nb::capsule owner = Recycled<std::vector<std::int64_t>>::release(std::move(result));
  return view(ids, owner);
}

}  // namespace

void bind_tracker(nb::module_& module) {
  nb::class_<Tracker>(module, "Tracker")
      .def(
          "__init__",
          [](Tracker* self, float high_score, float low_score, float new_score, float max_cost, float max_cost_low,
             float max_cost_new, std::int32_t lost_frames, bool class_agnostic, std::optional<nb::bytes> saved) {
            const TrackerSettings settings{high_score,   low_score,    new_score,   max_cost,
                                           max_cost_low, max_cost_new, lost_frames, class_agnostic};
            if (saved) {
              new (self) Tracker(settings, {static_cast<const std::uint8_t*>(saved->data()), saved->size()});
            } else {
              new (self) Tracker(settings);
            }
          },
          nb::kw_only(), nb::arg("high_score") = 0.5f, nb::arg("low_score") = 0.1f, nb::arg("new_score") = 0.6f,
          nb::arg("max_cost") = 0.8f, nb::arg("max_cost_low") = 0.5f, nb::arg("max_cost_new") = 0.7f,
          nb::arg("lost_frames") = 30, nb::arg("class_agnostic") = false, nb::arg("saved") = nb::none())
      .def("save", save_bytes, "All that the next frames depend on; see the stub.")
      .def("tracks", tracks_numpy, "The objects that have an id; see the stub.");
  module.def("track", track_numpy, nb::arg("trackers"), nb::arg("boxes").noconvert(), nb::arg("scores").noconvert(),
             nb::arg("classes").noconvert(), nb::arg("splits").noconvert(), nb::kw_only(), nb::arg("pool") = nb::none(),
             "Tells which object of its stream each row shows; see the stub.");
}

}  // namespace framecast::bindings
