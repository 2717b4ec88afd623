#pragma once

#include <cstdint>
#include <span>

#include "framecast/box.h"

namespace framecast {

/// A box that moves at constant velocity, as one Kalman filter knows it. Laid out as 5 x 4 float64.
///
/// The four columns are centre x, centre y, width and height, in pixels and pixels per frame. Transition and noise do
/// not mix them, so the covariance of all eight numbers falls into four of 2 x 2, one per column.
struct KalmanTrack {
  double position[4];
  double velocity[4];
  double position_variance[4];
  double covariance[4];  ///< Of position and velocity.
  double velocity_variance[4];
};
static_assert(sizeof(KalmanTrack) == 20 * sizeof(double));

/// The filter of BoT-SORT (Aharon, Orfaig and Bobrovsky, 2022), whose state is (cx, cy, w, h), for all tracks at once.
///
/// Standard deviations grow with the box: of a measured position side / 20, of a step's change of position side / 20
/// and of velocity side / 160, where side is the width for cx and w, the height for cy and h, at least 1e-6. A new
/// track has twice the first and ten times the last, and no velocity.
/// Everything is float64, and the covariances are brought up to date in a form that keeps variances positive.
///
/// Each throws std::invalid_argument, naming the argument, where lengths or rows do not fit.

/// Begins a track per box; one that is not finite makes a track of NaN.
void kalman_start(std::span<const Box> boxes, std::span<KalmanTrack> tracks);

/// Takes every track one frame on.
void kalman_predict(std::span<KalmanTrack> tracks);

/// Lets tracks[rows[i]] see boxes[i], in this order; a box that is not finite changes nothing.
void kalman_update(std::span<KalmanTrack> tracks, std::span<const std::int64_t> rows, std::span<const Box> boxes);

/// Where the tracks are, as corners; a negative side counts as 0.
void kalman_boxes(std::span<const KalmanTrack> tracks, std::span<Box> boxes);

}  // namespace framecast
