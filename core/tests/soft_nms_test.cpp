#include "framecast/soft_nms.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "allocations.h"
#include "check.h"
#include "random.h"

using framecast::Box;
using framecast::SoftNmsWorkspace;

namespace {

struct Image {
  std::vector<Box> boxes;
  std::vector<float> scores;
  std::vector<std::int32_t> classes;
};

Image random_image(Random& random, std::size_t count, std::size_t classes) {
  Image image;
  for (std::size_t i = 0; i < count; ++i) {
    if (random.below(3) == 0) {
      auto coarse = [&] { return static_cast<float>(random.below(6)); };
      image.boxes.push_back({coarse(), coarse(), coarse(), coarse()});
    } else {
      const float x = random.uniform(0, 60), y = random.uniform(0, 60);
      image.boxes.push_back({x, y, x + random.uniform(0, 30), y + random.uniform(0, 30)});
    }
    image.scores.push_back(static_cast<float>(random.below(50)) / 50);
    image.classes.push_back(static_cast<std::int32_t>(random.below(classes)));
  }
  return image;
}

struct Settings {
  float iou = 0.3f;
  float sigma = 0;  ///< Not 0: Gaussian.
  float score = 0.01f;
  std::int32_t limit = 1000;
  bool agnostic = false;
};

struct Kept {
  std::vector<std::int64_t> rows;
  std::vector<float> scores;

  bool operator==(const Kept&) const = default;
};

Kept run(const Image& image, const Settings& settings, SoftNmsWorkspace& workspace) {
  const std::int64_t splits[] = {0, static_cast<std::int64_t>(image.boxes.size())};
  const std::uint8_t flag = settings.agnostic;
  Kept kept{std::vector<std::int64_t>(image.boxes.size()), std::vector<float>(image.boxes.size())};
  std::int64_t keep_splits[2];
  framecast::SoftNmsSettings given{{}, {}, {&settings.score, 1}, {&settings.limit, 1}, {&flag, 1}};
  if (settings.sigma == 0) given.iou_thresholds = {&settings.iou, 1};
  if (settings.sigma != 0) given.sigmas = {&settings.sigma, 1};
  const std::size_t count = framecast::soft_nms({image.boxes, image.scores, image.classes, splits}, given, kept.rows,
                                                kept.scores, keep_splits, workspace);
  CHECK(keep_splits[0] == 0 && keep_splits[1] == static_cast<std::int64_t>(count));
  kept.rows.resize(count);
  kept.scores.resize(count);
  return kept;
}

float iou(const Box& a, const Box& b) {
  const float width = std::max(0.0f, std::min(a.x2, b.x2) - std::max(a.x1, b.x1));
  const float height = std::max(0.0f, std::min(a.y2, b.y2) - std::max(a.y1, b.y1));
  const float inter = width * height;
  const float area_a = (a.x2 - a.x1) * (a.y2 - a.y1);
  const float area_b = (b.x2 - b.x1) * (b.y2 - b.y1);
  return inter / (area_a + area_b - inter);
}

/// The definition: the best row of all that are left, then every score that is left is lowered.
Kept plain(Image image, const Settings& settings) {
  Kept kept;
  std::vector<bool> out(image.boxes.size(), false);
  while (kept.rows.size() < static_cast<std::size_t>(settings.limit)) {
    std::size_t best = image.boxes.size();
    for (std::size_t i = 0; i < image.boxes.size(); ++i) {
      const bool left = !out[i] && image.scores[i] > settings.score;
      if (left && (best == image.boxes.size() || image.scores[i] > image.scores[best])) best = i;
    }
    if (best == image.boxes.size()) break;
    out[best] = true;
    kept.rows.push_back(static_cast<std::int64_t>(best));
    kept.scores.push_back(image.scores[best]);
    for (std::size_t i = 0; i < image.boxes.size(); ++i) {
      if (out[i] || (!settings.agnostic && image.classes[i] != image.classes[best])) continue;
      const float overlap = iou(image.boxes[best], image.boxes[i]);
      if (settings.sigma == 0 && overlap > settings.iou) image.scores[i] *= 1 - overlap;
      if (settings.sigma != 0 && overlap > 0) image.scores[i] *= std::exp(-(overlap * overlap) / settings.sigma);
    }
  }
  return kept;
}

}  // namespace

TEST(equals_the_definition_to_the_bit) {
  Random random(1);
  SoftNmsWorkspace workspace;
  for (int round = 0; round < 400; ++round) {
    const Image image = random_image(random, random.below(150), 1 + random.below(5));
    const Settings settings{random.uniform(0, 1), round % 2 == 0 ? 0 : random.uniform(0.05f, 2),
                            random.below(3) == 0 ? 0 : random.uniform(0, 0.3f),
                            static_cast<std::int32_t>(random.below(200)), random.below(3) == 0};
    CHECK(run(image, settings, workspace) == plain(image, settings));
  }
}

TEST(equals_the_definition_whatever_the_scores) {
  Random random(2);
  SoftNmsWorkspace workspace;
  const float inf = std::numeric_limits<float>::infinity();
  const float odd[] = {0.0f, -0.0f, inf, -inf, -1.5f, 1e-44f, std::numeric_limits<float>::quiet_NaN(), 3e38f, 1};
  for (int round = 0; round < 200; ++round) {
    Image image = random_image(random, random.below(100), 2);
    for (float& score : image.scores) score = odd[random.below(std::size(odd))];
    const Settings settings{random.uniform(0, 1), round % 2 == 0 ? 0 : random.uniform(0.05f, 2), 0, 1000, false};
    CHECK(run(image, settings, workspace) == plain(image, settings));
  }
}

TEST(rows_that_are_not_finite_are_dropped) {
  SoftNmsWorkspace workspace;
  const float nan = std::numeric_limits<float>::quiet_NaN(), inf = std::numeric_limits<float>::infinity();
  const Image image{{{0, 0, nan, 1}, {0, 0, inf, 1}, {0, 0, 1, 1}, {5, 5, 5, 9}}, {9, 9, 0.5f, 0.4f}, {0, 0, 0, 0}};
  CHECK((run(image, {}, workspace) == Kept{{2, 3}, {0.5f, 0.4f}}));
}

TEST(a_pool_changes_nothing_and_a_reused_workspace_no_longer_allocates) {
  Random random(3);
  framecast::ThreadPool pool(3);
  SoftNmsWorkspace alone, shared;
  const Image image = random_image(random, 600, 3);
  const std::vector<std::int64_t> splits{0, 40, 40, 300, 301, 600};
  const std::vector<float> sigmas{0.5f, 0.2f, 0.5f, 1, 0.7f}, floors{0, 0.1f, 0.1f, 0, 0.05f};
  const std::vector<std::int32_t> limits{5, 9, 400, 1, 100};
  const std::vector<std::uint8_t> agnostic{0, 0, 1, 0, 0};
  std::vector<std::int64_t> rows[2], keep_splits[2];
  std::vector<float> scores[2];
  auto call = [&](std::size_t side, SoftNmsWorkspace& workspace, framecast::ThreadPool* threads) {
    rows[side].assign(600, -1), scores[side].assign(600, -1), keep_splits[side].assign(6, -1);
    const std::size_t kept =
        framecast::soft_nms({image.boxes, image.scores, image.classes, splits}, {{}, sigmas, floors, limits, agnostic},
                            rows[side], scores[side], keep_splits[side], workspace, threads);
    rows[side].resize(kept), scores[side].resize(kept);
  };
  call(0, alone, nullptr);
  call(1, shared, &pool);
  CHECK(rows[0] == rows[1] && scores[0] == scores[1] && keep_splits[0] == keep_splits[1]);
  CHECK(keep_splits[0][1] == 5 && keep_splits[0][2] == 5 && keep_splits[0][4] <= keep_splits[0][3] + 1);
  CHECK(allocations_of([&] { call(0, alone, nullptr); }) == 0);
}

TEST(refuses_what_does_not_fit) {
  SoftNmsWorkspace workspace;
  const std::vector<Box> boxes(2);
  const std::vector<float> scores(2), one_score(1);
  const std::vector<std::int32_t> classes(2);
  const std::int64_t splits[] = {0, 2};
  const float half = 0.5f, zero = 0, below = -0.5f;
  const std::int32_t limit = 1;
  const std::uint8_t flag = 0;
  std::vector<std::int64_t> keep(2), keep_splits(2);
  std::vector<float> keep_scores(2);
  auto call = [&](std::span<const float> given, const framecast::SoftNmsSettings& settings) {
    framecast::soft_nms({boxes, given, classes, splits}, settings, keep, keep_scores, keep_splits, workspace);
  };
  const std::span<const float> one{&half, 1};
  CHECK_REFUSES("scores", call(one_score, {one, {}, one, {&limit, 1}, {&flag, 1}}));
  CHECK_REFUSES("sigmas", call(scores, {one, one, one, {&limit, 1}, {&flag, 1}}));
  CHECK_REFUSES("sigmas", call(scores, {{}, {&zero, 1}, one, {&limit, 1}, {&flag, 1}}));
  CHECK_REFUSES("iou_thresholds", call(scores, {{}, {}, one, {&limit, 1}, {&flag, 1}}));
  CHECK_REFUSES("score_thresholds", call(scores, {one, {}, {&below, 1}, {&limit, 1}, {&flag, 1}}));
}
