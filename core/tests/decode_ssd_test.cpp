#include "framecast/decode_ssd.h"

#include <cmath>
#include <limits>
#include <stdexcept>
#include <vector>

#include "allocations.h"
#include "check.h"
#include "random.h"
#include "same_candidates.h"

using namespace framecast;

namespace {

constexpr std::array<float, 4> kWeights = {10, 10, 5, 5};

}  // namespace

TEST(the_best_of_each_class_come_by_class_and_score) {
  const std::vector<float> logits = {0, 2, 0, 0, 3, 0, 0, 1, 0, 9, 0, 0, 0, 1, 4};
  const std::vector<float> deltas(20);
  const std::vector<Box> anchors = {{0, 0, 4, 4}, {1, 0, 5, 4}, {2, 0, 6, 4}, {3, 0, 7, 4}, {4, 0, 8, 4}};
  const std::vector<ImageSize> sizes = {{3, 100}};
  const float threshold = 0.1f;
  Candidates out;
  DecodeWorkspace workspace;
  decode_ssd({logits, deltas, anchors, sizes, 2}, {{&threshold, 1}, {}, 2}, kWeights, out, workspace);
  CHECK(out.classes == (std::vector<std::int32_t>{0, 0, 1, 1}));
  CHECK(out.sources == (std::vector<std::int64_t>{1, 0, 4, 2}));
  CHECK((out.boxes[0] == Box{1, 0, 5, 3}));
  CHECK(std::fabs(out.scores[0] - std::exp(3.0f) / (std::exp(3.0f) + 2)) < 1e-6f);
}

TEST(a_pool_changes_nothing_and_the_steady_state_allocates_nothing) {
  Random random(5);
  std::vector<float> logits(3 * 700 * 8), deltas(3 * 700 * 4);
  for (float& logit : logits) logit = random.uniform(-4, 4);
  for (float& delta : deltas) delta = random.uniform(-2, 2);
  logits[8 * 5 + 3] = std::numeric_limits<float>::quiet_NaN();
  logits[8 * 6 + 3] = std::numeric_limits<float>::infinity();
  const std::vector<Box> anchors(700, {10, 10, 30, 40});
  const std::vector<ImageSize> sizes(3, {200, 200});
  const std::vector<float> thresholds = {0.01f, -1.0f, 0.3f};
  const AnchorHeadOutputs outputs{logits, deltas, anchors, sizes, 7};
  const AnchorHeadSettings settings{thresholds, {}, 400};
  Candidates alone, out;
  DecodeWorkspace workspace;
  ThreadPool pool(2);
  decode_ssd(outputs, settings, kWeights, alone, workspace);
  CHECK(alone.boxes.size() > 3000);
  for (std::size_t k = 0; k < static_cast<std::size_t>(alone.splits[1]); ++k) {
    CHECK(alone.sources[k] != 5 && alone.sources[k] != 6);
  }
  decode_ssd(outputs, settings, kWeights, out, workspace, &pool);
  CHECK(same(alone, out));
  CHECK(allocations_of([&] { decode_ssd(outputs, settings, kWeights, out, workspace); }) == 0);
}

TEST(refuses_what_does_not_fit) {
  const std::vector<float> logits(6), deltas(12);
  const std::vector<Box> anchors(3);
  const std::vector<ImageSize> sizes = {{8, 8}};
  const float threshold = 0;
  Candidates out;
  DecodeWorkspace workspace;
  CHECK_REFUSES("class_logits",
                decode_ssd({logits, deltas, anchors, sizes, 2}, {{&threshold, 1}, {}, 1}, kWeights, out, workspace));
  CHECK_REFUSES("box_weights", decode_ssd({logits, deltas, anchors, sizes, 1}, {{&threshold, 1}, {}, 1}, {1, 1, 1, 0},
                                          out, workspace));
}
