#include "framecast/kalman.h"

#include <array>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "allocations.h"
#include "check.h"
#include "random.h"

using framecast::Box;
using framecast::KalmanTrack;

namespace {

using Matrix = std::array<std::array<double, 8>, 8>;

/// The textbook filter with full 8 x 8 matrices, its state (cx, cy, w, h, vx, vy, vw, vh).
struct PlainFilter {
  std::array<double, 8> mean{};
  Matrix covariance{};

  double side(std::size_t i) const { return mean[2 + i % 2]; }

  explicit PlainFilter(const std::array<double, 4>& seen) {
    for (std::size_t i = 0; i < 4; ++i) mean[i] = seen[i];
    for (std::size_t i = 0; i < 4; ++i) {
      covariance[i][i] = std::pow(2 * side(i) / 20, 2);
      covariance[i + 4][i + 4] = std::pow(10 * side(i) / 160, 2);
    }
  }

  static Matrix product(const Matrix& a, const Matrix& b) {
    Matrix c{};
    for (std::size_t i = 0; i < 8; ++i) {
      for (std::size_t j = 0; j < 8; ++j) {
        for (std::size_t k = 0; k < 8; ++k) c[i][j] += a[i][k] * b[k][j];
      }
    }
    return c;
  }

  void predict() {
    Matrix transition{}, transposed{}, noise{};
    for (std::size_t i = 0; i < 8; ++i) transition[i][i] = transposed[i][i] = 1;
    for (std::size_t i = 0; i < 4; ++i) {
      transition[i][i + 4] = transposed[i + 4][i] = 1;
      noise[i][i] = std::pow(side(i) / 20, 2);
      noise[i + 4][i + 4] = std::pow(side(i) / 160, 2);
    }
    for (std::size_t i = 0; i < 4; ++i) mean[i] += mean[i + 4];
    covariance = product(product(transition, covariance), transposed);
    for (std::size_t i = 0; i < 8; ++i) covariance[i][i] += noise[i][i];
  }

  /// One coordinate after the other, which is the same as all at once, since their noises are independent.
  void update(const std::array<double, 4>& seen) {
    std::array<double, 4> noise;
    for (std::size_t i = 0; i < 4; ++i) noise[i] = std::pow(side(i) / 20, 2);
    for (std::size_t m = 0; m < 4; ++m) {
      const double whole = covariance[m][m] + noise[m], surprise = seen[m] - mean[m];
      std::array<double, 8> gain, row = covariance[m];
      for (std::size_t i = 0; i < 8; ++i) gain[i] = covariance[i][m] / whole;
      for (std::size_t i = 0; i < 8; ++i) mean[i] += gain[i] * surprise;
      for (std::size_t i = 0; i < 8; ++i) {
        for (std::size_t j = 0; j < 8; ++j) covariance[i][j] -= gain[i] * row[j];
      }
    }
  }
};

bool near(double a, double b) { return std::abs(a - b) <= 1e-9 * (1 + std::abs(a) + std::abs(b)); }

}  // namespace

TEST(equals_the_filter_with_full_matrices) {
  Random random(1);
  for (int round = 0; round < 100; ++round) {
    auto box = [&](float t) {
      const float x = random.uniform(0, 100) + t, y = random.uniform(0, 100);
      return Box{x, y, x + random.uniform(5, 50), y + random.uniform(5, 50)};
    };
    auto seen = [](const Box& b) {
      const double x1 = b.x1, y1 = b.y1, x2 = b.x2, y2 = b.y2;
      return std::array<double, 4>{(x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1};
    };
    Box at = box(0);
    std::vector<KalmanTrack> tracks(1);
    framecast::kalman_start({&at, 1}, tracks);
    PlainFilter plain(seen(at));
    for (int frame = 0; frame < 40; ++frame) {
      framecast::kalman_predict(tracks);
      plain.predict();
      if (random.below(4) > 0) {
        at = box(static_cast<float>(frame) * 3);
        const std::int64_t row = 0;
        framecast::kalman_update(tracks, {&row, 1}, {&at, 1});
        plain.update(seen(at));
      }
      for (std::size_t i = 0; i < 4; ++i) {
        CHECK(near(tracks[0].position[i], plain.mean[i]) && near(tracks[0].velocity[i], plain.mean[i + 4]));
        CHECK(near(tracks[0].position_variance[i], plain.covariance[i][i]));
        CHECK(near(tracks[0].covariance[i], plain.covariance[i][i + 4]));
        CHECK(near(tracks[0].velocity_variance[i], plain.covariance[i + 4][i + 4]));
        // Nothing that the four filters leave out.
        for (std::size_t j = 0; j < 8; ++j) CHECK(j % 4 == i || near(plain.covariance[i][j], 0));
      }
    }
  }
}

TEST(covariances_stay_positive_however_long_it_runs) {
  Random random(2);
  std::vector<KalmanTrack> tracks(3);
  const std::vector<Box> boxes{{0, 0, 10, 10}, {0, 0, 1e-6f, 1e6f}, {5, 5, 5, 5}};
  framecast::kalman_start(boxes, tracks);
  const std::vector<std::int64_t> rows{0, 1, 2};
  for (int frame = 0; frame < 20000; ++frame) {
    framecast::kalman_predict(tracks);
    if (frame % 1000 < 900) framecast::kalman_update(tracks, rows, boxes);
    for (const KalmanTrack& track : tracks) {
      for (int i = 0; i < 4; ++i) {
        CHECK(track.position_variance[i] > 0 && track.velocity_variance[i] > 0);
        CHECK(track.position_variance[i] * track.velocity_variance[i] > track.covariance[i] * track.covariance[i]);
      }
    }
  }
}

TEST(boxes_that_are_not_finite_change_nothing) {
  std::vector<KalmanTrack> tracks(1);
  const Box at{0, 0, 10, 20}, odd{0, std::numeric_limits<float>::quiet_NaN(), 1, 1};
  framecast::kalman_start({&at, 1}, tracks);
  const std::int64_t row = 0;
  framecast::kalman_update(tracks, {&row, 1}, {&odd, 1});
  Box out;
  framecast::kalman_boxes(tracks, {&out, 1});
  CHECK(out == at);
  CHECK(allocations_of([&] {
          framecast::kalman_predict(tracks);
          framecast::kalman_update(tracks, {&row, 1}, {&at, 1});
        }) == 0);
}

TEST(refuses_what_does_not_fit) {
  std::vector<KalmanTrack> tracks(2);
  std::vector<Box> boxes(3);
  const std::int64_t far[] = {0, 1, 2}, below[] = {-1, 0, 1}, two[] = {0, 1};
  CHECK_REFUSES("tracks", framecast::kalman_start(boxes, tracks));
  CHECK_REFUSES("boxes", framecast::kalman_boxes(tracks, boxes));
  CHECK_REFUSES("rows", framecast::kalman_update(tracks, far, boxes));
  CHECK_REFUSES("rows", framecast::kalman_update(tracks, below, boxes));
  CHECK_REFUSES("rows", framecast::kalman_update(tracks, two, boxes));
}
