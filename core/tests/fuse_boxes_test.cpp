#include "framecast/fuse_boxes.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <stdexcept>

#include "allocations.h"
#include "check.h"
#include "random.h"

using framecast::Box;
using framecast::Candidates;
using framecast::FusedScore;
using framecast::FusionWorkspace;

namespace {

struct Image {
  std::vector<Box> boxes;
  std::vector<float> scores;
  std::vector<std::int32_t> classes;
  std::vector<std::int32_t> models;
};

Image random_image(Random& random, std::size_t count, std::size_t classes, std::size_t models) {
  Image image;
  for (std::size_t i = 0; i < count; ++i) {
    if (random.below(4) == 0) {
      auto coarse = [&] { return static_cast<float>(random.below(6)); };
      image.boxes.push_back({coarse(), coarse(), coarse(), coarse()});
    } else {
      const float x = 20 * static_cast<float>(random.below(4)) + random.uniform(0, 4), y = random.uniform(0, 4);
      image.boxes.push_back({x, y, x + random.uniform(8, 14), y + random.uniform(8, 14)});
    }
    image.scores.push_back(static_cast<float>(random.below(20)) / 20);
    image.classes.push_back(static_cast<std::int32_t>(random.below(classes)));
    image.models.push_back(static_cast<std::int32_t>(random.below(models)));
  }
  return image;
}

struct Settings {
  float iou = 0.55f;
  float score = 0;
  std::int32_t limit = 1000;
  std::vector<float> weights{1, 1};
  FusedScore rule = FusedScore::average;
};

Candidates run(const Image& image, const Settings& settings, FusionWorkspace& workspace) {
  const std::int64_t splits[] = {0, static_cast<std::int64_t>(image.boxes.size())};
  Candidates out;
  framecast::fuse_boxes(
      {image.boxes, image.scores, image.classes, image.models, splits},
      {{&settings.iou, 1}, {&settings.score, 1}, {&settings.limit, 1}, settings.weights, settings.rule}, out,
      workspace);
  return out;
}

float iou(const Box& a, const Box& b) {
  const float width = std::max(0.0f, std::min(a.x2, b.x2) - std::max(a.x1, b.x1));
  const float height = std::max(0.0f, std::min(a.y2, b.y2) - std::max(a.y1, b.y1));
  const float inter = width * height;
  const float area_a = (a.x2 - a.x1) * (a.y2 - a.y1);
  const float area_b = (b.x2 - b.x1) * (b.y2 - b.y1);
  return inter / (area_a + area_b - inter);
}

struct Fused {
  Box box;
  std::vector<std::size_t> members;
  float score = 0;
};

/// The definition, from the lists of members again and again.
std::vector<Fused> plain(const Image& image, const Settings& settings) {
  auto weighted = [&](std::size_t i) {
    return image.scores[i] * settings.weights[static_cast<std::size_t>(image.models[i])];
  };
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < image.boxes.size(); ++i) {
    if (image.scores[i] > settings.score) order.push_back(i);
  }
  std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return weighted(a) > weighted(b); });
  std::vector<Fused> all;
  for (std::size_t i : order) {
    float best = settings.iou;
    Fused* found = nullptr;
    for (Fused& fused : all) {
      if (image.classes[fused.members[0]] != image.classes[i] || !(iou(fused.box, image.boxes[i]) > best)) continue;
      best = iou(fused.box, image.boxes[i]);
      found = &fused;
    }
    if (found == nullptr) {
      all.push_back({});
      found = &all.back();
    }
    found->members.push_back(i);
    auto mean = [&](float Box::* side) {
      double sum = 0, weights = 0;
      for (std::size_t m : found->members) {
        sum += static_cast<double>(weighted(m)) * image.boxes[m].*side;
        weights += weighted(m);
      }
      return static_cast<float>(sum / weights);
    };
    found->box = {mean(&Box::x1), mean(&Box::y1), mean(&Box::x2), mean(&Box::y2)};
  }
  for (Fused& fused : all) {
    double sum = 0, highest = 0, weights = 0, highest_weight = 0;
    for (std::size_t m : fused.members) {
      sum += weighted(m);
      highest = std::max<double>(highest, weighted(m));
    }
    for (float weight : settings.weights) {
      weights += weight;
      highest_weight = std::max<double>(highest_weight, weight);
    }
    const auto count = static_cast<double>(fused.members.size()), models = static_cast<double>(settings.weights.size());
    fused.score =
        static_cast<float>(settings.rule == FusedScore::average ? sum / count * std::min(count, models) / weights
                                                                : highest / highest_weight);
  }
  std::stable_sort(all.begin(), all.end(), [](const Fused& a, const Fused& b) { return a.score > b.score; });
  if (all.size() > static_cast<std::size_t>(settings.limit)) all.resize(static_cast<std::size_t>(settings.limit));
  return all;
}

}  // namespace

TEST(equals_the_definition_to_the_bit) {
  Random random(1);
  FusionWorkspace workspace;
  for (int round = 0; round < 500; ++round) {
    const std::size_t models = 1 + random.below(4);
    const Image image = random_image(random, random.below(120), 1 + random.below(4), models);
    Settings settings{random.uniform(0, 1),
                      random.uniform(0, 0.3f),
                      static_cast<std::int32_t>(random.below(100)),
                      {},
                      random.below(2) == 0 ? FusedScore::average : FusedScore::highest};
    for (std::size_t m = 0; m < models; ++m) settings.weights.push_back(1 + static_cast<float>(random.below(3)));
    const Candidates out = run(image, settings, workspace);
    const std::vector<Fused> expected = plain(image, settings);
    CHECK((out.splits == std::vector<std::int64_t>{0, static_cast<std::int64_t>(expected.size())}));
    CHECK(out.boxes.size() == expected.size());
    for (std::size_t i = 0; i < std::min(expected.size(), out.boxes.size()); ++i) {
      CHECK(out.boxes[i] == expected[i].box);
      CHECK(out.scores[i] == expected[i].score);
      CHECK(out.classes[i] == image.classes[expected[i].members[0]]);
    }
  }
}

TEST(two_models_that_agree_are_averaged_and_one_alone_counts_half) {
  FusionWorkspace workspace;
  const Image image{{{0, 0, 10, 10}, {2, 0, 12, 10}, {50, 50, 60, 60}}, {0.75f, 0.25f, 0.5f}, {3, 3, 3}, {0, 1, 1}};
  const Candidates out = run(image, {}, workspace);
  CHECK((out.boxes == std::vector<Box>{{0.5f, 0, 10.5f, 10}, {50, 50, 60, 60}}));
  CHECK((out.scores == std::vector<float>{0.5f, 0.25f}));
  CHECK((out.classes == std::vector<std::int32_t>{3, 3}));
}

TEST(odd_rows_are_dropped) {
  FusionWorkspace workspace;
  const float nan = std::numeric_limits<float>::quiet_NaN(), inf = std::numeric_limits<float>::infinity();
  const Image image{{{0, 0, 4, 4}, {0, 0, 4, 4}, {0, nan, 4, 4}, {0, 0, inf, 4}, {1, 1, 1, 3}, {1, 1, 1, 3}},
                    {nan, inf, 0.5f, 0.5f, 0.5f, 0.5f},
                    {0, 0, 0, 0, 0, 0},
                    {0, 0, 0, 0, 0, 0}};
  CHECK((run(image, {}, workspace).boxes == std::vector<Box>{{1, 1, 1, 3}, {1, 1, 1, 3}}));
}

TEST(a_pool_changes_nothing_and_a_reused_workspace_no_longer_allocates) {
  Random random(2);
  framecast::ThreadPool pool(3);
  FusionWorkspace alone, shared;
  const Image image = random_image(random, 600, 3, 2);
  const std::vector<std::int64_t> splits{0, 40, 40, 300, 301, 600};
  const std::vector<float> ious{0.5f, 0.2f, 0.5f, 1, 0.7f}, floors{0, 0.1f, 0.1f, 0, 0.05f}, weights{1, 2};
  const std::vector<std::int32_t> limits{5, 9, 400, 1, 100};
  Candidates out, other;
  auto call = [&](Candidates& to, FusionWorkspace& workspace, framecast::ThreadPool* threads) {
    framecast::fuse_boxes({image.boxes, image.scores, image.classes, image.models, splits},
                          {ious, floors, limits, weights, FusedScore::average}, to, workspace, threads);
  };
  call(out, alone, nullptr);
  call(other, shared, &pool);
  CHECK(out.boxes == other.boxes && out.scores == other.scores && out.classes == other.classes);
  CHECK(out.splits == other.splits);
  CHECK(allocations_of([&] { call(out, alone, nullptr); }) == 0);
}

TEST(refuses_what_does_not_fit) {
  FusionWorkspace workspace;
  Candidates out;
  const std::vector<Box> boxes(1);
  const std::vector<float> scores(1), none, weights{1, 2}, zero_weight{0};
  const std::vector<std::int32_t> classes(1), second{1}, third{2}, negative{-1}, limit{1};
  const std::vector<std::int64_t> splits{0, 1};
  const std::vector<float> half{0.5f}, below{-1};
  auto call = [&](const std::vector<std::int32_t>& models, const std::vector<float>& floors,
                  const std::vector<float>& model_weights) {
    framecast::fuse_boxes({boxes, scores, classes, models, splits}, {half, floors, limit, model_weights}, out,
                          workspace);
  };
  call(second, half, weights);
  CHECK_REFUSES("models", call(third, half, weights));
  CHECK_REFUSES("models", call(negative, half, weights));
  CHECK_REFUSES("models", call({}, half, weights));
  CHECK_REFUSES("score_thresholds", call(second, below, weights));
  CHECK_REFUSES("score_thresholds", call(second, none, weights));
  CHECK_REFUSES("model_weights", call(classes, half, zero_weight));
}
