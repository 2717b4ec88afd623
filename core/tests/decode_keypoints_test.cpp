#include "framecast/decode_keypoints.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <stdexcept>

#include "allocations.h"
#include "check.h"
#include "random.h"
#include "stored_tensor.h"

using namespace framecast;

namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

struct Weights {
  std::ptrdiff_t first;
  float taps[4];
};

/// Where pixel i of `count` lies on `size` values, by the cubic convolution's definition.
Weights weights_of(std::size_t i, std::size_t count, std::size_t size) {
  const float scale = static_cast<float>(size) / static_cast<float>(count);
  const float place = scale * (static_cast<float>(i) + 0.5f) - 0.5f;
  const float below = std::floor(place), t = place - below;
  auto near = [](float x) { return (1.25f * x - 2.25f) * x * x + 1; };
  auto far = [](float x) { return ((-0.75f * x + 3.75f) * x - 6) * x + 3; };
  return {static_cast<std::ptrdiff_t>(below) - 1, {far(t + 1), near(t), near(1 - t), far(2 - t)}};
}

/// The plain definition: stretches the whole map and takes the first highest pixel.
void plain(const float* map, std::size_t height, std::size_t width, const Box& box, Point& point, float& score) {
  const float length_x = std::max(box.x2 - box.x1, 1.0f), length_y = std::max(box.y2 - box.y1, 1.0f);
  const auto columns = static_cast<std::size_t>(std::ceil(length_x));
  const auto rows = static_cast<std::size_t>(std::ceil(length_y));
  auto clamped = [](std::ptrdiff_t at, std::size_t size) {
    return static_cast<std::size_t>(std::clamp<std::ptrdiff_t>(at, 0, static_cast<std::ptrdiff_t>(size) - 1));
  };
  score = -std::numeric_limits<float>::infinity();
  for (std::size_t y = 0; y < rows; ++y) {
    const Weights down = weights_of(y, rows, height);
    for (std::size_t x = 0; x < columns; ++x) {
      const Weights across = weights_of(x, columns, width);
      float value = 0;
      for (std::ptrdiff_t j = 0; j < 4; ++j) {
        float row = 0;
        for (std::ptrdiff_t i = 0; i < 4; ++i) {
          row += map[clamped(down.first + j, height) * width + clamped(across.first + i, width)] * across.taps[i];
        }
        value += row * down.taps[j];
      }
      if (!(value > score)) continue;
      score = value;
      point.x = (static_cast<float>(x) + 0.5f) * (length_x / static_cast<float>(columns)) + box.x1;
      point.y = (static_cast<float>(y) + 0.5f) * (length_y / static_cast<float>(rows)) + box.y1;
    }
  }
}

bool same_bits(const Keypoints& a, const Keypoints& b) {
  return a.points.size() == b.points.size() && a.scores.size() == b.scores.size() &&
         std::memcmp(a.points.data(), b.points.data(), a.points.size() * sizeof(Point)) == 0 &&
         std::memcmp(a.scores.data(), b.scores.data(), a.scores.size() * sizeof(float)) == 0;
}

Box random_box(Random& random) {
  const float x = random.uniform(-30, 500), y = random.uniform(-30, 500);
  // Sides from far below a map's to several times it, some turned around.
  return {x, y, x + random.uniform(-5, 90) * random.uniform(0, 2), y + random.uniform(-5, 90) * random.uniform(0, 2)};
}

}  // namespace

TEST(finds_what_the_whole_stretched_map_holds) {
  Random random(1);
  KeypointWorkspace workspace;
  Keypoints out;
  for (std::size_t round = 0; round < 120; ++round) {
    const std::size_t height = 1 + random.below(24), width = 1 + random.below(24), keypoints = 3;
    const std::vector<Box> boxes = {random_box(random), random_box(random)};
    std::vector<float> maps(2 * keypoints * height * width);
    // Noise, a map of few values with many ties, and a smooth hill.
    for (std::size_t i = 0; i < maps.size(); ++i) {
      const auto y = static_cast<float>(i / width % height), x = static_cast<float>(i % width);
      const float noise = random.uniform(-3, 3);
      maps[i] = round % 3 == 0 ? noise : round % 3 == 1 ? std::round(noise / 3) : 8 - std::hypot(x - 7, y - 4);
    }
    const StoredTensor stored(kValueTypes[round % 4], maps, 0.03f);
    decode_keypoints({stored.tensor, boxes, keypoints, height, width}, out, workspace);
    for (std::size_t k = 0; k < out.scores.size(); ++k) {
      Point point{};
      float score = 0;
      plain(stored.numbers.data() + k * height * width, height, width, boxes[k / keypoints], point, score);
      CHECK(out.scores[k] == score);
      CHECK(out.points[k] == point);
    }
  }
}

TEST(rounding_of_subnormal_numbers_hides_no_peak) {
  Random random(7);
  KeypointWorkspace workspace;
  Keypoints out;
  constexpr float kSmallest = std::numeric_limits<float>::denorm_min();
  for (int round = 0; round < 400; ++round) {
    const std::vector<Box> boxes = {random_box(random)};
    std::vector<float> maps(25);
    for (float& value : maps) value = std::round(random.uniform(-6, 6)) * kSmallest;
    decode_keypoints({maps, boxes, 1, 5, 5}, out, workspace);
    Point point{};
    float score = 0;
    plain(maps.data(), 5, 5, boxes[0], point, score);
    CHECK(out.points[0] == point && out.scores[0] == score);
  }
}

TEST(a_flat_map_has_its_peak_in_the_first_of_the_highest_pixels) {
  const std::vector<float> maps(9, 2.0f);
  const std::vector<Box> boxes = {{1, 2, 7, 5}};
  Keypoints out;
  KeypointWorkspace workspace;
  decode_keypoints({maps, boxes, 1, 3, 3}, out, workspace);
  Point point{};
  float score = 0;
  plain(maps.data(), 3, 3, boxes[0], point, score);
  CHECK(out.points[0] == point && out.scores[0] == score);
}

TEST(what_cannot_be_stretched_gives_nan_and_leaves_its_neighbours) {
  const float inf = std::numeric_limits<float>::infinity();
  std::vector<float> maps(4 * 4, 0.0f);
  maps[3] = maps[6] = maps[9] = 1;
  const std::vector<Box> boxes = {{0, 0, 2, 2}, {0, 0, kNan, 2}, {0, 0, 9000, 2}, {-inf, 0, 2, inf}};
  Keypoints out;
  KeypointWorkspace workspace;
  decode_keypoints({maps, boxes, 1, 2, 2}, out, workspace);
  CHECK((out.points[0] == Point{1.5f, 1.5f}) && out.scores[0] == 1);
  for (std::size_t k = 1; k < 4; ++k) {
    CHECK(std::isnan(out.points[k].x) && std::isnan(out.points[k].y) && std::isnan(out.scores[k]));
  }
  for (float bad : {kNan, inf, -inf, 2e37f}) {
    maps[1] = bad;
    decode_keypoints({maps, boxes, 1, 2, 2}, out, workspace);
    CHECK(std::isnan(out.points[0].x) && std::isnan(out.points[0].y) && std::isnan(out.scores[0]));
  }
  maps[1] = 1e37f;
  decode_keypoints({maps, boxes, 1, 2, 2}, out, workspace);
  CHECK((out.points[0] == Point{1.5f, 0.5f}) && out.scores[0] == 1e37f);
}

TEST(a_box_without_extent_is_one_pixel) {
  const std::vector<float> maps = {1, 2, 3, 4};
  const std::vector<Box> boxes = {{5, 5, 5, 5}, {5, 5, 1, 1}};
  Keypoints out;
  KeypointWorkspace workspace;
  decode_keypoints({maps, boxes, 2, 1, 1}, out, workspace);
  CHECK(out.points == std::vector<Point>(4, {5.5f, 5.5f}));
  CHECK(out.scores == maps);
}

TEST(a_pool_changes_nothing_and_a_second_call_allocates_nothing) {
  Random random(5);
  ThreadPool pool(2);
  KeypointWorkspace workspace;
  std::vector<Box> boxes;
  for (int k = 0; k < 9; ++k) boxes.push_back(random_box(random));
  std::vector<float> maps(boxes.size() * 2 * 14 * 14);
  for (float& value : maps) value = random.uniform(-3, 3);
  Keypoints alone, out;
  decode_keypoints({maps, boxes, 2, 14, 14}, alone, workspace);
  decode_keypoints({maps, boxes, 2, 14, 14}, out, workspace, &pool);
  CHECK(same_bits(alone, out));
  CHECK(allocations_of([&] { decode_keypoints({maps, boxes, 2, 14, 14}, out, workspace); }) == 0);
}

TEST(no_instances_or_no_keypoints_give_nothing) {
  Keypoints out;
  KeypointWorkspace workspace;
  const std::vector<Box> boxes(3);
  decode_keypoints({{}, boxes, 0, 4, 4}, out, workspace);
  CHECK(out.points.empty() && out.scores.empty());
  decode_keypoints({{}, {}, 17, 4, 4}, out, workspace);
  CHECK(out.points.empty() && out.scores.empty());
}

TEST(refuses_what_does_not_fit) {
  Keypoints out;
  KeypointWorkspace workspace;
  const std::vector<float> maps(16);
  const std::vector<Box> boxes(2);
  CHECK_REFUSES("heatmaps", decode_keypoints({maps, boxes, 1, 2, 2}, out, workspace));
  CHECK_REFUSES("heatmaps", decode_keypoints({maps, boxes, 1, 0, 2}, out, workspace));
  CHECK_REFUSES("heatmaps", decode_keypoints({maps, boxes, 1, 2, 5000}, out, workspace));
  CHECK_REFUSES("heatmaps", decode_keypoints({maps, {}, 1, 2, 2}, out, workspace));
}
