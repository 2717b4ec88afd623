#include "framecast/decode_proposals.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "allocations.h"
#include "check.h"
#include "random.h"
#include "sigmoid.h"
#include "stored_tensor.h"

using namespace framecast;

namespace {

struct Small {
  std::vector<float> objectness = {0, 3, 1, 2};
  std::vector<float> deltas = std::vector<float>(16, 0);
  std::vector<Box> anchors = {{0, 0, 10, 10}, {20, 20, 30, 30}, {0, 0, 10, 10}, {-5, 0, 5, 10}};
  std::vector<std::int64_t> level_sizes = {2, 2};
  std::vector<ImageSize> image_sizes = {{25, 100}};
  ProposalSettings settings{10, 10, 0.7f, 0, 1e-3f, {1, 1, 1, 1}};

  Proposals decode() const {
    Proposals out;
    ProposalWorkspace workspace;
    decode_proposals({objectness, deltas, anchors, level_sizes, image_sizes}, settings, out, workspace);
    return out;
  }
};

}  // namespace

TEST(levels_do_not_suppress_each_other_and_boxes_are_clipped) {
  const Proposals out = Small().decode();
  CHECK(out.splits == (std::vector<std::int64_t>{0, 4}));
  CHECK((out.boxes == std::vector<Box>{{20, 20, 30, 25}, {0, 0, 5, 10}, {0, 0, 10, 10}, {0, 0, 10, 10}}));
  CHECK(std::fabs(out.scores[0] - 1 / (1 + std::exp(-3.0f))) < 1e-6f);
}

TEST(each_level_has_its_own_top) {
  Small small;
  small.settings.pre_nms_top_n = 1;
  CHECK((small.decode().boxes == std::vector<Box>{{20, 20, 30, 25}, {0, 0, 5, 10}}));
  small.settings.post_nms_top_n = 1;
  CHECK((small.decode().boxes == std::vector<Box>{{20, 20, 30, 25}}));
  small.settings.pre_nms_top_n = 0;
  CHECK(small.decode().boxes.empty());
}

TEST(scale_is_clamped_and_nan_dropped) {
  Small small;
  small.image_sizes = {{1e6f, 1e6f}};
  small.deltas[4 + 2] = 100;
  small.objectness[2] = std::numeric_limits<float>::quiet_NaN();
  small.deltas[12] = std::numeric_limits<float>::quiet_NaN();
  const Proposals out = small.decode();
  CHECK(out.boxes.size() == 2);
  CHECK(std::fabs(out.boxes[0].x2 - (25 + 625.0f / 2)) < 1e-3f);
}

TEST(the_top_of_many_is_that_of_a_sort_whatever_their_order) {
  // Boxes that never overlap, so that all the top stay; logits in random, falling and rising order, and all equal.
  const std::size_t count = 40000;
  std::vector<Box> anchors(count);
  for (std::size_t i = 0; i < count; ++i) {
    const auto x = static_cast<float>(i % 200) * 4, y = static_cast<float>(i / 200) * 4;
    anchors[i] = {x, y, x + 3, y + 3};
  }
  Random random(7);
  ThreadPool pool(2);
  ProposalWorkspace workspace;
  Proposals out;
  const std::vector<std::int64_t> levels = {static_cast<std::int64_t>(count)};
  const std::vector<ImageSize> sizes(2, {1000, 1000});
  const std::vector<float> deltas(2 * count * 4);
  for (ValueType type : kValueTypes) {
    for (int order = 0; order < 4; ++order) {
      std::vector<float> logits(2 * count);
      for (float& logit : logits) logit = order == 3 ? 1.5f : random.uniform(-9, 3);
      if (order == 1) std::sort(logits.begin(), logits.end());
      if (order == 2) std::sort(logits.begin(), logits.end(), std::greater<>());
      if (order == 0) logits[5] = std::numeric_limits<float>::quiet_NaN();
      const StoredTensor stored(type, logits, 0.08f);
      for (std::int64_t top : {1000, 30000}) {
        const RpnOutputs outputs{stored.tensor, deltas, anchors, levels, sizes};
        // Suppression ends early, for it would compare all with all.
        const ProposalSettings settings{top, 1500, 0.7f, 0, 0, {1, 1, 1, 1}};
        decode_proposals(outputs, settings, out, workspace);
        const Proposals alone = out;
        const std::int64_t kept = std::min<std::int64_t>(top, 1500);
        CHECK(alone.boxes.size() == 2 * static_cast<std::size_t>(kept));
        for (std::size_t b = 0; b < 2; ++b) {
          std::vector<float> scores;
          for (std::size_t i = b * count; i < (b + 1) * count; ++i) {
            if (!std::isnan(stored.numbers[i])) scores.push_back(sigmoid(stored.numbers[i]));
          }
          std::sort(scores.begin(), scores.end(), std::greater<>());
          CHECK(std::equal(scores.begin(), scores.begin() + kept, alone.scores.begin() + alone.splits[b]));
        }
        decode_proposals(outputs, settings, out, workspace, &pool);
        CHECK(out.boxes == alone.boxes && out.scores == alone.scores && out.splits == alone.splits);
        if (type == ValueType::float32 && top == 1000) {
          CHECK(allocations_of([&] { decode_proposals(outputs, settings, out, workspace); }) == 0);
        }
      }
    }
  }
}

TEST(refuses_what_does_not_fit) {
  Small small;
  small.level_sizes = {2, 3};
  CHECK_REFUSES("level_sizes", small.decode());
  small = {};
  small.deltas.pop_back();
  CHECK_REFUSES("deltas", small.decode());
  small = {};
  small.settings.nms_threshold = 2;
  CHECK_REFUSES("nms_threshold", small.decode());
}
