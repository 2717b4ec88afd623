#include "framecast/decode_fcos.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <vector>

#include "allocations.h"
#include "check.h"
#include "random.h"
#include "same_candidates.h"
#include "sigmoid.h"

using namespace framecast;

TEST(the_score_is_the_geometric_mean_and_distances_are_in_sizes_of_the_anchor) {
  const std::vector<float> logits = {-9, 2, 3, -9}, centerness = {1, -2}, deltas = {1, 0.5f, 0.25f, 2, 0, 0, 1, 1};
  const std::vector<Box> anchors = {{10, 10, 18, 18}, {20, 20, 36, 36}};
  const std::vector<ImageSize> sizes = {{24, 100}};
  const std::vector<std::int64_t> levels = {1, 1};
  const float threshold = 0.2f;
  Candidates out;
  DecodeWorkspace workspace;
  decode_fcos({logits, deltas, anchors, sizes, 2}, centerness, levels, {{&threshold, 1}, {}, 10}, out, workspace);
  CHECK(out.classes == (std::vector<std::int32_t>{1, 0}));
  CHECK((out.boxes[0] == Box{6, 10, 16, 24}));
  CHECK((out.boxes[1] == Box{28, 24, 44, 24}));
  CHECK(out.scores[0] == std::sqrt(sigmoid(2) * sigmoid(1)));
}

TEST(every_score_that_passes_is_found) {
  Random random(6);
  ThreadPool pool(2);
  DecodeWorkspace workspace;
  const std::size_t count = 4000, classes = 5;
  std::vector<float> logits(2 * count * classes), centerness(2 * count), deltas(2 * count * 4, 1.0f);
  for (float& logit : logits) logit = random.uniform(-8, 5);
  for (float& center : centerness) center = random.uniform(-6, 6);
  logits[3] = centerness[9] = std::numeric_limits<float>::quiet_NaN();
  const std::vector<Box> anchors(count, {10, 10, 18, 18});
  const std::vector<ImageSize> sizes(2, {50, 50});
  const std::vector<std::int64_t> levels = {static_cast<std::int64_t>(count)};
  for (std::int64_t top_k : {30, 100000}) {
    const std::vector<float> thresholds = {0.2f, top_k == 30 ? 0.0f : 0.7f};
    Candidates alone, out;
    const AnchorHeadOutputs outputs{logits, deltas, anchors, sizes, classes};
    const AnchorHeadSettings settings{thresholds, {}, top_k};
    decode_fcos(outputs, centerness, levels, settings, alone, workspace);
    std::vector<float> expected;
    for (std::size_t b = 0; b < 2; ++b) {
      std::vector<float> scores;
      for (std::size_t i = b * count * classes; i < (b + 1) * count * classes; ++i) {
        const float score = std::sqrt(sigmoid(logits[i]) * sigmoid(centerness[i / classes]));
        if (score > thresholds[b]) scores.push_back(score);
      }
      std::sort(scores.begin(), scores.end(), std::greater<>());
      scores.resize(std::min(scores.size(), static_cast<std::size_t>(top_k)));
      expected.insert(expected.end(), scores.begin(), scores.end());
    }
    CHECK(alone.scores == expected);
    decode_fcos(outputs, centerness, levels, settings, out, workspace, &pool);
    CHECK(same(alone, out));
    CHECK(allocations_of([&] { decode_fcos(outputs, centerness, levels, settings, out, workspace); }) == 0);
  }
}

TEST(refuses_what_does_not_fit) {
  const std::vector<float> logits(6), deltas(12), centerness(2);
  const std::vector<Box> anchors(3);
  const std::vector<ImageSize> sizes = {{8, 8}};
  const std::vector<std::int64_t> levels = {3};
  const float threshold = 0;
  Candidates out;
  DecodeWorkspace workspace;
  CHECK_REFUSES("centerness", decode_fcos({logits, deltas, anchors, sizes, 2}, centerness, levels,
                                          {{&threshold, 1}, {}, 1}, out, workspace));
}
