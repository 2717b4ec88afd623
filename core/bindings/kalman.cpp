#include "framecast/kalman.h"

#include <algorithm>

#include "arrays.h"
#include "recycled.h"

namespace framecast::bindings {
namespace {

using Tracks = Input<double, 3>;
using TrackVector = std::vector<KalmanTrack>;

std::span<const KalmanTrack> track_span(const Tracks& tracks) {
  require(tracks.shape(1) == 5 && tracks.shape(2) == 4, "tracks: must be [T, 5, 4]");
  return {reinterpret_cast<const KalmanTrack*>(tracks.data()), tracks.shape(0)};
}

nb::object to_array(std::unique_ptr<TrackVector> tracks) {
  auto* values = reinterpret_cast<double*>(tracks->data());
  const std::size_t count = tracks->size();
  const nb::capsule owner = Recycled<TrackVector>::release(std::move(tracks));
  return nb::cast(nb::ndarray<nb::numpy, double, nb::ndim<3>>(values, {count, 5, 4}, owner));
}

/// Copies the tracks, lets `change` at the copy without the GIL, and returns it.
template <typename Change>
nb::object changed(const Tracks& tracks, Change&& change) {
  const std::span<const KalmanTrack> given = track_span(tracks);
  auto result = Recycled<TrackVector>::take();
  {
    nb::gil_scoped_release release;
    result->assign(given.begin(), given.end());
    change(std::span<KalmanTrack>(*result));
  }
  return to_array(std::move(result));
}

nb::object kalman_start_numpy(Input<float, 2> boxes) {
  const std::span<const Box> given = rows<Box>(boxes, "boxes: must be [T, 4]");
  auto result = Recycled<TrackVector>::take();
  {
    nb::gil_scoped_release release;
    result->resize(given.size());
    kalman_start(given, *result);
  }
  return to_array(std::move(result));
}

nb::object kalman_predict_numpy(Tracks tracks) {
  return changed(tracks, [](std::span<KalmanTrack> copy) { kalman_predict(copy); });
}

nb::object kalman_update_numpy(Tracks tracks, Input<std::int64_t, 1> rows, Input<float, 2> boxes) {
  const std::span<const Box> seen = bindings::rows<Box>(boxes, "boxes: must be [N, 4]");
  return changed(tracks, [&](std::span<KalmanTrack> copy) { kalman_update(copy, span(rows), seen); });
}

nb::object kalman_boxes_numpy(Tracks tracks) {
  const std::span<const KalmanTrack> given = track_span(tracks);
  auto result = Recycled<std::vector<Box>>::take();
  {
    nb::gil_scoped_release release;
    result->resize(given.size());
    kalman_boxes(given, *result);
  }
  std::vector<Box>& boxes = *result;
  const nb::capsule owner = Recycled<std::vector<Box>>::release(std::move(result));
  return view(boxes, owner);
}

}  // namespace

void bind_kalman(nb::module_& module) {
  module.def("kalman_start", kalman_start_numpy, nb::arg("boxes").noconvert(),
             "Begins a Kalman filter per box; see the stub for shapes.");
  module.def("kalman_predict", kalman_predict_numpy, nb::arg("tracks").noconvert(),
             "Takes every track one frame on; see the stub for shapes.");
  module.def("kalman_update", kalman_update_numpy, nb::arg("tracks").noconvert(), nb::arg("rows").noconvert(),
             nb::arg("boxes").noconvert(), "Lets tracks see boxes; see the stub for shapes.");
  module.def("kalman_boxes", kalman_boxes_numpy, nb::arg("tracks").noconvert(),
             "Where the tracks are; see the stub for shapes.");
}

}  // namespace framecast::bindings
