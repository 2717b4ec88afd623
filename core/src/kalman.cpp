#include "framecast/kalman.h"

#include <algorithm>
#include <cmath>

#include "argument.h"
#include "finite_box.h"

namespace framecast {
namespace {

constexpr double kPositionShare = 1.0 / 20;
constexpr double kVelocityShare = 1.0 / 160;
constexpr double kLeastSide = 1e-6;

struct Measurement {
  double values[4];  ///< cx, cy, w, h.
};

Measurement measured(const Box& box) {
  const double x1 = box.x1, y1 = box.y1, x2 = box.x2, y2 = box.y2;
  return {{(x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1}};
}

double square(double value) { return value * value; }

/// The side that a column's noise grows with: width for even columns, height for odd ones.
double side_of(const double* position, int column) { return std::max(kLeastSide, std::abs(position[2 + column % 2])); }

void start(KalmanTrack& track, const Measurement& seen) {
  for (int i = 0; i < 4; ++i) {
    const double side = side_of(seen.values, i);
    track.position[i] = seen.values[i];
    track.velocity[i] = 0;
    track.position_variance[i] = square(2 * kPositionShare * side);
    track.covariance[i] = 0;
    track.velocity_variance[i] = square(10 * kVelocityShare * side);
  }
}

void predict(KalmanTrack& track) {
  double sides[4];
  for (int i = 0; i < 4; ++i) sides[i] = side_of(track.position, i);
  for (int i = 0; i < 4; ++i) {
    track.position[i] += track.velocity[i];
    track.position_variance[i] += 2 * track.covariance[i] + track.velocity_variance[i];
    track.position_variance[i] += square(kPositionShare * sides[i]);
    track.covariance[i] += track.velocity_variance[i];
    track.velocity_variance[i] += square(kVelocityShare * sides[i]);
  }
}

void update(KalmanTrack& track, const Measurement& seen) {
  double noises[4];
  for (int i = 0; i < 4; ++i) noises[i] = square(kPositionShare * side_of(track.position, i));
  for (int i = 0; i < 4; ++i) {
    const double noise = noises[i], variance = track.position_variance[i], covariance = track.covariance[i];
    const double whole = variance + noise;
    const double gain = variance / whole, velocity_gain = covariance / whole;
    const double surprise = seen.values[i] - track.position[i];
    track.position[i] += gain * surprise;
    track.velocity[i] += velocity_gain * surprise;
    // (I - K H) P, where H picks the position, written so that nothing is taken away but within the determinant: no
    // variance can fall below 0, whatever sizes the box had before.
    const double determinant = std::max(variance * track.velocity_variance[i] - covariance * covariance, 0.0);
    track.position_variance[i] = variance * noise / whole;
    track.covariance[i] = covariance * noise / whole;
    track.velocity_variance[i] = (track.velocity_variance[i] * noise + determinant) / whole;
  }
}

}  // namespace

void kalman_start(std::span<const Box> boxes, std::span<KalmanTrack> tracks) {
  require(tracks.size() == boxes.size(), "tracks: must have one entry per box");
  for (std::size_t i = 0; i < boxes.size(); ++i) {
    Measurement seen = measured(boxes[i]);
    if (!is_finite(boxes[i])) std::fill_n(seen.values, 4, std::nan(""));
    start(tracks[i], seen);
  }
}

void kalman_predict(std::span<KalmanTrack> tracks) {
  for (KalmanTrack& track : tracks) predict(track);
}

void kalman_update(std::span<KalmanTrack> tracks, std::span<const std::int64_t> rows, std::span<const Box> boxes) {
  require(rows.size() == boxes.size(), "rows: must have one entry per box");
  for (std::int64_t row : rows) {
    require(row >= 0 && row < static_cast<std::int64_t>(tracks.size()), "rows: must be numbers of tracks");
  }
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (is_finite(boxes[i])) update(tracks[static_cast<std::size_t>(rows[i])], measured(boxes[i]));
  }
}

void kalman_boxes(std::span<const KalmanTrack> tracks, std::span<Box> boxes) {
  require(boxes.size() == tracks.size(), "boxes: must have one entry per track");
  for (std::size_t i = 0; i < tracks.size(); ++i) {
    const double* position = tracks[i].position;
    const double half_width = std::max(position[2], 0.0) / 2, half_height = std::max(position[3], 0.0) / 2;
    boxes[i] = {static_cast<float>(position[0] - half_width), static_cast<float>(position[1] - half_height),
                static_cast<float>(position[0] + half_width), static_cast<float>(position[1] + half_height)};
  }
}

}  // namespace framecast
