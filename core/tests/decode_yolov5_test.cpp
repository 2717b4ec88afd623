#include "framecast/decode_yolov5.h"

#include <cmath>
#include <limits>
#include <stdexcept>
#include <vector>

#include "allocations.h"
#include "check.h"
#include "finite_box.h"
#include "random.h"
#include "same_candidates.h"
#include "sigmoid.h"
#include "stored_tensor.h"

using namespace framecast;

namespace {

bool near(float a, float b) { return std::fabs(a - b) < 1e-4f; }

struct Small {
  // One image, one level of 1 x 2 cells, one anchor, two classes: seven planes of two cells.
  std::vector<float> logits = std::vector<float>(14, 0);
  std::vector<Anchor> anchors = {{10, 20}};
  std::vector<float> strides = {8};
  float threshold = 0.2f;

  Candidates decode(bool multi_label, std::vector<std::uint8_t> filter = {}) const {
    const Yolov5Level levels[] = {{logits, 1, 2}};
    Candidates out;
    DecodeWorkspace workspace;
    decode_yolov5({levels, anchors, strides, 1, 7}, {{&threshold, 1}, filter, multi_label}, out, workspace);
    return out;
  }
};

/// The definition, position by position; two levels, three anchors.
Candidates expected(const Yolov5Head& head, const std::vector<std::vector<float>>& levels,
                    const ClassSelection& selection) {
  const std::size_t anchors = head.anchors.size() / head.levels.size();
  const std::size_t classes = head.channels / anchors - 5;
  Candidates out;
  out.splits.push_back(0);
  for (std::size_t b = 0; b < head.batch; ++b) {
    const float threshold = selection.score_thresholds[b];
    for (std::size_t i = 0; i < head.anchors.size(); ++i) {
      const std::size_t l = i / anchors;
      const std::size_t width = head.levels[l].width;
      const std::size_t cells = head.levels[l].height * width;
      for (std::size_t cell = 0; cell < cells; ++cell) {
        auto logit = [&](std::size_t channel) {
          return levels[l][(b * head.channels + i % anchors * (5 + classes) + channel) * cells + cell];
        };
        const float object = sigmoid(logit(4));
        const float x = (2 * sigmoid(logit(0)) - 0.5f + static_cast<float>(cell % width)) * head.strides[l];
        const float y = (2 * sigmoid(logit(1)) - 0.5f + static_cast<float>(cell / width)) * head.strides[l];
        const float across = 2 * sigmoid(logit(2)), down = 2 * sigmoid(logit(3));
        const float half_width = across * across * head.anchors[i].width / 2;
        const float half_height = down * down * head.anchors[i].height / 2;
        const Box box{x - half_width, y - half_height, x + half_width, y + half_height};
        if (!is_finite(box)) continue;
        std::size_t best = classes;
        for (std::size_t c = 0; c < classes; ++c) {
          const bool allowed = selection.class_filter.empty() || selection.class_filter[b * classes + c] != 0;
          if (!allowed || std::isnan(logit(5 + c))) continue;
          if (selection.multi_label && object * sigmoid(logit(5 + c)) > threshold) {
            out.boxes.push_back(box);
            out.scores.push_back(object * sigmoid(logit(5 + c)));
            out.classes.push_back(static_cast<std::int32_t>(c));
          }
          if (best == classes || logit(5 + c) > logit(5 + best)) best = c;
        }
        if (selection.multi_label || best == classes || !(object * sigmoid(logit(5 + best)) > threshold)) continue;
        out.boxes.push_back(box);
        out.scores.push_back(object * sigmoid(logit(5 + best)));
        out.classes.push_back(static_cast<std::int32_t>(best));
      }
    }
    out.splits.push_back(static_cast<std::int64_t>(out.boxes.size()));
  }
  return out;
}

}  // namespace

TEST(equals_the_definition_in_every_type_with_and_without_a_pool) {
  constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const std::size_t sizes[][2] = {{1, 1}, {3, 5}, {4, 4}, {7, 9}, {47, 61}};
  const std::vector<Anchor> anchors = {{10, 13}, {16, 30}, {33, 23}, {30, 61}, {62, 45}, {59, 119}};
  const std::vector<float> strides = {8, 16};
  Random random(11);
  ThreadPool pool(3);
  DecodeWorkspace workspace;
  Candidates out;
  std::size_t found = 0;
  for (const auto& size : sizes) {
    for (ValueType type : kValueTypes) {
      for (unsigned variant = 0; variant < 8; ++variant) {
        const std::size_t classes = 1 + random.below(40);
        auto draw = [&](std::size_t count) {
          std::vector<float> logits(2 * 3 * (5 + classes) * count);
          const float odd[] = {kNaN, kInfinity, -kInfinity, 40.0f, -40.0f, 100.0f};
          for (float& logit : logits) logit = random.below(80) == 0 ? odd[random.below(6)] : random.uniform(-8, 4);
          return logits;
        };
        const StoredTensor fine(type, draw(size[0] * size[1]), 0.07f), coarse(type, draw(size[1]), 0.07f);
        const Yolov5Level levels[] = {{fine.tensor, size[0], size[1]}, {coarse.tensor, 1, size[1]}};
        const Yolov5Head head{levels, anchors, strides, 2, 3 * (5 + classes)};
        const float thresholds[] = {variant & 1 ? 1e-3f : 0.25f, variant & 2 ? -1.0f : 0.6f};
        std::vector<std::uint8_t> filter;
        for (std::size_t i = 0; (variant & 1) && i < 2 * classes; ++i) filter.push_back(random.below(2) == 0);
        const ClassSelection selection{thresholds, filter, (variant & 4) != 0};
        decode_yolov5(head, selection, out, workspace);
        const Candidates alone = out;
        CHECK(same(alone, expected(head, {fine.numbers, coarse.numbers}, selection)));
        decode_yolov5(head, selection, out, workspace, &pool);
        CHECK(same(alone, out));
        CHECK(allocations_of([&] { decode_yolov5(head, selection, out, workspace); }) == 0);
        found += alone.boxes.size();
      }
    }
  }
  CHECK(found > 100000);
}

TEST(the_bound_on_a_class_never_takes_away_what_passes) {
  // Near the bound a float product decides; a bound that is too high would drop it.
  Random random(12);
  for (int i = 0; i < 300000; ++i) {
    const float threshold = random.below(3) == 0 ? random.uniform(0.9f, 1) : std::pow(10.0f, random.uniform(-7, 0));
    const float object = random.below(2) == 0 ? threshold + (1 - threshold) * random.uniform(0, 1) * 1e-3f
                                              : random.uniform(threshold, 1);
    if (!(object > threshold)) continue;
    const float below = std::nextafter(lowest_factor_logit(object, threshold), -1e9f);
    CHECK(!(object * sigmoid(below) > threshold));
    const float least = std::nextafter(lowest_logit(threshold), -1e9f);
    CHECK(!(sigmoid(least) > threshold));
  }
}

TEST(zero_logits_are_the_anchor_in_the_middle_of_the_cell) {
  const Candidates out = Small().decode(false);
  CHECK(out.splits == (std::vector<std::int64_t>{0, 2}));
  CHECK(out.classes == (std::vector<std::int32_t>{0, 0}));
  CHECK(near(out.scores[0], 0.25f));
  CHECK(near(out.boxes[0].x1, -1) && near(out.boxes[0].y1, -6) && near(out.boxes[0].x2, 9) &&
        near(out.boxes[0].y2, 14));
  CHECK(near(out.boxes[1].x1, 7) && near(out.boxes[1].x2, 17));
}

TEST(multi_label_gives_every_class_and_the_filter_takes_some_away) {
  CHECK(Small().decode(true).classes == (std::vector<std::int32_t>{0, 1, 0, 1}));
  CHECK(Small().decode(true, {0, 1}).classes == (std::vector<std::int32_t>{1, 1}));
  CHECK(Small().decode(false, {0, 1}).classes == (std::vector<std::int32_t>{1, 1}));
  CHECK(Small().decode(false, {0, 0}).classes.empty());
}

TEST(output_is_replaced_not_appended) {
  Small head;
  const Yolov5Level levels[] = {{head.logits, 1, 2}};
  Candidates out;
  DecodeWorkspace workspace;
  for (int i = 0; i < 2; ++i)
    decode_yolov5({levels, head.anchors, head.strides, 1, 7}, {{&head.threshold, 1}, {}, true}, out, workspace);
  CHECK(out.boxes.size() == 4 && out.splits.size() == 2);
}

TEST(refuses_what_does_not_fit) {
  Small head;
  const Yolov5Level levels[] = {{head.logits, 1, 2}};
  const Yolov5Level wrong[] = {{head.logits, 2, 2}};
  Candidates out;
  DecodeWorkspace workspace;
  const ClassSelection selection{{&head.threshold, 1}, {}, true};
  CHECK_REFUSES("levels", decode_yolov5({wrong, head.anchors, head.strides, 1, 7}, selection, out, workspace));
  CHECK_REFUSES("levels", decode_yolov5({levels, head.anchors, head.strides, 1, 5}, selection, out, workspace));
  CHECK_REFUSES("strides", decode_yolov5({levels, head.anchors, {}, 1, 7}, selection, out, workspace));
  CHECK_REFUSES("score_thresholds",
                decode_yolov5({levels, head.anchors, head.strides, 1, 7}, {{}, {}, true}, out, workspace));
}
