#include "framecast/decode_detections.h"

#include <cmath>
#include <limits>
#include <stdexcept>
#include <vector>

#include "allocations.h"
#include "check.h"
#include "random.h"
#include "same_candidates.h"
#include "stored_tensor.h"

using namespace framecast;

namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

struct Shape {
  std::size_t batch;
  std::size_t positions;
  std::size_t classes;
  std::size_t others;  ///< Numbers behind the classes.
  bool objectness;
  bool channels_first;

  std::size_t first_class() const { return objectness ? 5 : 4; }
  std::size_t channels() const { return first_class() + classes + others; }
  std::size_t at(std::size_t b, std::size_t i, std::size_t channel) const {
    return channels_first ? (b * channels() + channel) * positions + i : (b * positions + i) * channels() + channel;
  }
};

std::vector<float> numbers(const Shape& shape, Random& random) {
  std::vector<float> all(shape.batch * shape.positions * shape.channels());
  const float odd[] = {kNaN, kInfinity, -kInfinity, -0.0f, 1.5f, 1e-42f};
  for (float& value : all) {
    value = random.below(60) == 0 ? odd[random.below(6)] : random.uniform(0, 1);
    value = value * value;
  }
  return all;
}

/// The definition, position by position.
Candidates expected(const Shape& shape, const std::vector<float>& all, const ClassSelection& selection) {
  Candidates out;
  out.splits.push_back(0);
  for (std::size_t b = 0; b < shape.batch; ++b) {
    const float threshold = selection.score_thresholds[b];
    for (std::size_t i = 0; i < shape.positions; ++i) {
      auto number = [&](std::size_t channel) { return all[shape.at(b, i, channel)]; };
      const float object = shape.objectness ? number(4) : 1;
      if (shape.objectness && !(object > threshold)) continue;
      const float half_width = number(2) / 2, half_height = number(3) / 2;
      const Box box{number(0) - half_width, number(1) - half_height, number(0) + half_width, number(1) + half_height};
      if (!std::isfinite(box.x1 + box.x2 + box.y1 + box.y2)) continue;
      std::size_t best = shape.classes;
      for (std::size_t c = 0; c < shape.classes; ++c) {
        if (!selection.class_filter.empty() && selection.class_filter[b * shape.classes + c] == 0) continue;
        const float value = number(shape.first_class() + c);
        if (std::isnan(value)) continue;
        if (!selection.multi_label) {
          if (best == shape.classes || value > number(shape.first_class() + best)) best = c;
        } else if (object * value > threshold) {
          out.boxes.push_back(box);
          out.scores.push_back(object * value);
          out.classes.push_back(static_cast<std::int32_t>(c));
          out.sources.push_back(static_cast<std::int64_t>(i));
        }
      }
      if (best == shape.classes || !(object * number(shape.first_class() + best) > threshold)) continue;
      out.boxes.push_back(box);
      out.scores.push_back(object * number(shape.first_class() + best));
      out.classes.push_back(static_cast<std::int32_t>(best));
      out.sources.push_back(static_cast<std::int64_t>(i));
    }
    out.splits.push_back(static_cast<std::int64_t>(out.boxes.size()));
  }
  return out;
}

}  // namespace

TEST(equals_the_definition_in_every_type_and_layout) {
  Random random(3);
  ThreadPool pool(3);
  DecodeWorkspace workspace;
  Candidates out;
  std::size_t found = 0;
  for (std::size_t positions : {0, 1, 15, 17, 63, 130, 2100}) {
    for (ValueType type : kValueTypes) {
      for (unsigned variant = 0; variant < 16; ++variant) {
        const Shape shape{2, positions, 1 + random.below(70), random.below(3), (variant & 1) != 0, (variant & 2) != 0};
        const StoredTensor stored(type, numbers(shape, random), 1.2f / 255);
        const float thresholds[] = {0.5f, random.below(2) == 0 ? 1e-3f : -1.0f};
        std::vector<std::uint8_t> filter;
        if (variant & 8) {
          for (std::size_t i = 0; i < 2 * shape.classes; ++i) filter.push_back(random.below(2) == 0);
        }
        const ClassSelection selection{thresholds, filter, (variant & 4) != 0};
        const DetectionHead head{stored.tensor,       2, positions, shape.channels(), shape.classes, shape.objectness,
                                 shape.channels_first};
        decode_detections(head, selection, out, workspace);
        const Candidates alone = out;
        CHECK(same(alone, expected(shape, stored.numbers, selection)));
        decode_detections(head, selection, out, workspace, &pool);
        CHECK(same(alone, out));
        CHECK(allocations_of([&] { decode_detections(head, selection, out, workspace); }) == 0);
        found += alone.boxes.size();
      }
    }
  }
  CHECK(found > 100000);
}

TEST(a_class_above_one_counts_as_it_is_but_objectness_alone_must_pass) {
  const std::vector<float> output = {0, 0, 2, 2, 0.4f, 2.0f, 0, 0, 2, 2, 0.6f, 2.0f};
  const float threshold = 0.5f;
  Candidates out;
  DecodeWorkspace workspace;
  decode_detections({output, 1, 2, 6, 1, true, false}, {{&threshold, 1}, {}, true}, out, workspace);
  CHECK(out.sources == (std::vector<std::int64_t>{1}));
  CHECK(out.scores[0] == 0.6f * 2.0f);
  CHECK((out.boxes[0] == Box{-1, -1, 1, 1}));
}

TEST(refuses_what_does_not_fit) {
  const std::vector<float> output(24);
  const float threshold = 0;
  const ClassSelection selection{{&threshold, 1}, {}, false};
  Candidates out;
  DecodeWorkspace workspace;
  auto decode = [&](const DetectionHead& head) { decode_detections(head, selection, out, workspace); };
  CHECK_REFUSES("output", decode({output, 1, 3, 6, 1, true, false}));
  CHECK_REFUSES("output", decode({output, 1, 4, 6, 3, false, false}));
  CHECK_REFUSES("classes", decode({output, 1, 4, 6, 0, true, false}));
  CHECK_REFUSES("score_thresholds", decode({output, 2, 2, 6, 1, true, false}));
  const std::vector<std::int8_t> bytes(24);
  CHECK_REFUSES("output", decode({Tensor::quantized(bytes, 0, 0), 1, 4, 6, 1, true, false}));
  CHECK_REFUSES("output", decode({Tensor::quantized(bytes, 1, 128), 1, 4, 6, 1, true, false}));
  CHECK_REFUSES("output", decode({Tensor::quantized(bytes, kInfinity, 0), 1, 4, 6, 1, true, false}));
}
