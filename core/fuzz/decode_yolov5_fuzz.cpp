#include <deque>

#include "finite_box.h"
#include "framecast/decode_yolov5.h"
#include "fuzz_classes.h"
#include "fuzz_tensor.h"
#include "sigmoid.h"

using namespace framecast;

// Any bits of any type: exactly the candidates that the definition gives, in its order.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  FuzzInput input(data, size);
  const auto batch = input.in_range<std::size_t>(0, 2), levels = input.in_range<std::size_t>(1, 2);
  const auto anchors = input.in_range<std::size_t>(1, 2), classes = input.in_range<std::size_t>(1, 20);
  const bool multi_label = input.flag();
  const FuzzClasses asked(input, batch, classes);
  const std::size_t channels = anchors * (5 + classes);
  std::vector<Anchor> sizes(levels * anchors);
  for (Anchor& anchor : sizes) anchor = {100 * input.fraction(), 100 * input.fraction()};
  std::vector<float> strides(levels);
  for (float& stride : strides) stride = 1 + 31 * input.fraction();
  std::deque<FuzzTensor> logits;
  std::vector<Yolov5Level> outputs;
  for (std::size_t l = 0; l < levels; ++l) {
    const auto height = input.in_range<std::size_t>(0, 9), width = input.in_range<std::size_t>(0, 9);
    logits.emplace_back(input, batch * channels * height * width);
    outputs.push_back({logits.back(), height, width});
  }
  Candidates out, expected;
  DecodeWorkspace workspace;
  decode_yolov5({outputs, sizes, strides, batch, channels}, {asked.thresholds, asked.filter, multi_label}, out,
                workspace);

  expected.splits.push_back(0);
  for (std::size_t b = 0; b < batch; ++b) {
    for (std::size_t a = 0; a < levels * anchors; ++a) {
      const std::size_t level = a / anchors, width = outputs[level].width, cells = outputs[level].height * width;
      const std::size_t first = (b * anchors + a % anchors) * (5 + classes) * cells;
      for (std::size_t cell = 0; cell < cells; ++cell) {
        auto logit = [&](std::size_t channel) { return logits[level][first + channel * cells + cell]; };
        const float x = (2 * sigmoid(logit(0)) - 0.5f + static_cast<float>(cell % width)) * strides[level];
        const float y = (2 * sigmoid(logit(1)) - 0.5f + static_cast<float>(cell / width)) * strides[level];
        const float scale_x = 2 * sigmoid(logit(2)), scale_y = 2 * sigmoid(logit(3));
        const float half_width = scale_x * scale_x * sizes[a].width / 2;
        const float half_height = scale_y * scale_y * sizes[a].height / 2;
        const Box box{x - half_width, y - half_height, x + half_width, y + half_height};
        if (!is_finite(box)) continue;
        const float object = sigmoid(logit(4));
        std::size_t best = classes;
        for (std::size_t c = 0; c < classes; ++c) {
          const float value = logit(5 + c);
          if (!asked.filter.empty() && asked.filter[b * classes + c] == 0) continue;
          if (multi_label && asked.passes(b, c, object * sigmoid(value))) {
            add(expected, box, object * sigmoid(value), c);
          }
          if (!std::isnan(value) && (best == classes || value > logit(5 + best))) best = c;
        }
        if (multi_label || best == classes) continue;
        const float score = object * sigmoid(logit(5 + best));
        if (asked.passes(b, best, score)) add(expected, box, score, best);
      }
    }
    expected.splits.push_back(static_cast<std::int64_t>(expected.boxes.size()));
  }
  check_same(out, expected);
  return 0;
}
