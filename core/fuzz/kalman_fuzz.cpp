#include <cmath>
#include <vector>

#include "framecast/kalman.h"
#include "fuzz_input.h"

// Any boxes: the covariances of tracks that began with finite boxes stay positive and their positions finite.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  FuzzInput input(data, size);
  auto box = [&] { return framecast::Box{input.number(), input.number(), input.number(), input.number()}; };
  auto finite = [](const framecast::Box& b) {
    return std::isfinite(b.x1) && std::isfinite(b.y1) && std::isfinite(b.x2) && std::isfinite(b.y2);
  };
  std::vector<framecast::Box> boxes(input.in_range<std::size_t>(0, 20));
  for (auto& b : boxes) b = box();
  std::vector<framecast::KalmanTrack> tracks(boxes.size());
  framecast::kalman_start(boxes, tracks);
  for (int frame = 0; frame < 60; ++frame) {
    framecast::kalman_predict(tracks);
    std::vector<std::int64_t> rows;
    std::vector<framecast::Box> seen;
    for (std::size_t i = 0; i < tracks.size(); ++i) {
      if (!input.flag()) continue;
      rows.push_back(static_cast<std::int64_t>(i));
      seen.push_back(box());
    }
    framecast::kalman_update(tracks, rows, seen);
    for (std::size_t i = 0; i < tracks.size(); ++i) {
      if (!finite(boxes[i])) continue;
      for (int k = 0; k < 4; ++k) {
        FUZZ_CHECK(std::isfinite(tracks[i].position[k]) && std::isfinite(tracks[i].velocity[k]));
        FUZZ_CHECK(tracks[i].position_variance[k] > 0 && tracks[i].velocity_variance[k] > 0);
      }
    }
  }
  std::vector<framecast::Box> out(tracks.size());
  framecast::kalman_boxes(tracks, out);
  return 0;
}
