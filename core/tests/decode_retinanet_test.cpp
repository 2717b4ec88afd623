#include "framecast/decode_retinanet.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <vector>

#include "allocations.h"
#include "box_coder.h"
#include "check.h"
#include "finite_box.h"
#include "random.h"
#include "same_candidates.h"
#include "sigmoid.h"
#include "stored_tensor.h"

using namespace framecast;

namespace {

constexpr std::array<float, 4> kWeights = {1, 1, 1, 1};

std::vector<float> draw(Random& random, std::size_t count, float low, float high) {
  const float odd[] = {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(), 60.0f, 60.0f};
  std::vector<float> numbers(count);
  for (float& number : numbers) number = random.below(500) == 0 ? odd[random.below(4)] : random.uniform(low, high);
  return numbers;
}

struct Ranked {
  float score;
  std::size_t anchor;
  std::size_t class_index;
};

/// The definition: every score of a level sorted, the first `top_k` decoded.
Candidates expected(const AnchorHeadOutputs& outputs, const std::vector<float>& logits,
                    const std::vector<std::int64_t>& level_sizes, const AnchorHeadSettings& settings) {
  Candidates out;
  out.splits.push_back(0);
  const std::size_t anchors = outputs.anchors.size();
  for (std::size_t b = 0; b < outputs.image_sizes.size(); ++b) {
    std::size_t first = 0;
    for (std::int64_t size : level_sizes) {
      std::vector<Ranked> ranked;
      for (std::size_t anchor = first; anchor < first + static_cast<std::size_t>(size); ++anchor) {
        for (std::size_t c = 0; c < outputs.classes; ++c) {
          if (!settings.class_filter.empty() && settings.class_filter[b * outputs.classes + c] == 0) continue;
          const float score = sigmoid(logits[(b * anchors + anchor) * outputs.classes + c]);
          if (score > settings.score_thresholds[b]) ranked.push_back({score, anchor, c});
        }
      }
      std::stable_sort(ranked.begin(), ranked.end(),
                       [](const Ranked& x, const Ranked& y) { return x.score > y.score; });
      if (ranked.size() > static_cast<std::size_t>(settings.top_k))
        ranked.resize(static_cast<std::size_t>(settings.top_k));
      for (const Ranked& one : ranked) {
        const auto delta = delta_at(outputs.deltas, b * anchors + one.anchor);
        const Box box = clip(decode_delta(delta.data(), outputs.anchors[one.anchor], kWeights), outputs.image_sizes[b]);
        if (!is_finite(box)) continue;
        out.boxes.push_back(box);
        out.scores.push_back(one.score);
        out.classes.push_back(static_cast<std::int32_t>(one.class_index));
        out.sources.push_back(static_cast<std::int64_t>(one.anchor));
      }
      first += static_cast<std::size_t>(size);
    }
    out.splits.push_back(static_cast<std::int64_t>(out.boxes.size()));
  }
  return out;
}

}  // namespace

TEST(equals_the_definition_in_every_type_with_and_without_a_pool) {
  Random random(4);
  ThreadPool pool(3);
  DecodeWorkspace workspace;
  Candidates out;
  std::size_t found = 0;
  for (ValueType type : kValueTypes) {
    for (unsigned variant = 0; variant < 8; ++variant) {
      const std::size_t classes = 1 + random.below(90);
      const std::vector<std::int64_t> level_sizes = {1300, 0, 300, 5};
      std::vector<Box> anchors(1605);
      for (Box& box : anchors) {
        const float x = random.uniform(0, 300), y = random.uniform(0, 300);
        box = {x, y, x + random.uniform(4, 90), y + random.uniform(4, 90)};
      }
      const StoredTensor logits(type, draw(random, 2 * 1605 * classes, -9, 3), 0.1f);
      const StoredTensor deltas(type, draw(random, 2 * 1605 * 4, -2, 2), 0.02f);
      const std::vector<ImageSize> sizes = {{200, 300}, {320, 320}};
      const float thresholds[] = {variant & 1 ? -1.0f : 0.05f, 0.6f};
      std::vector<std::uint8_t> filter;
      for (std::size_t i = 0; (variant & 2) && i < 2 * classes; ++i) filter.push_back(random.below(2) == 0);
      const AnchorHeadOutputs outputs{logits.tensor, deltas.tensor, anchors, sizes, classes};
      const AnchorHeadSettings settings{thresholds, filter, variant & 4 ? 100 : 5000};
      decode_retinanet(outputs, level_sizes, settings, kWeights, out, workspace);
      const Candidates alone = out;
      CHECK(same(alone, expected(outputs, logits.numbers, level_sizes, settings)));
      decode_retinanet(outputs, level_sizes, settings, kWeights, out, workspace, &pool);
      CHECK(same(alone, out));
      CHECK(allocations_of([&] { decode_retinanet(outputs, level_sizes, settings, kWeights, out, workspace); }) == 0);
      found += alone.boxes.size();
    }
  }
  CHECK(found > 10000);
}

TEST(refuses_what_does_not_fit) {
  const std::vector<float> logits(6), deltas(12);
  const std::vector<Box> anchors(3);
  const std::vector<ImageSize> sizes = {{8, 8}};
  const float threshold = 0;
  Candidates out;
  DecodeWorkspace workspace;
  auto decode = [&](const AnchorHeadOutputs& outputs, std::vector<std::int64_t> levels, std::int64_t top_k) {
    decode_retinanet(outputs, levels, {{&threshold, 1}, {}, top_k}, kWeights, out, workspace);
  };
  CHECK_REFUSES("class_logits", decode({logits, deltas, anchors, sizes, 3}, {3}, 1));
  CHECK_REFUSES("class_logits", decode({{}, deltas, anchors, sizes, 0}, {3}, 1));
  CHECK_REFUSES("deltas", decode({logits, logits, anchors, sizes, 2}, {3}, 1));
  CHECK_REFUSES("level_sizes", decode({logits, deltas, anchors, sizes, 2}, {2}, 1));
  CHECK_REFUSES("level_sizes", decode({logits, deltas, anchors, sizes, 2}, {4, -1}, 1));
  CHECK_REFUSES("top_k", decode({logits, deltas, anchors, sizes, 2}, {3}, -1));
}
