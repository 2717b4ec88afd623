#include "finite_box.h"
#include "framecast/decode_yolox.h"
#include "fuzz_classes.h"
#include "fuzz_tensor.h"

using namespace framecast;

// Any bits of any type: exactly the candidates that the definition gives, in its order.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  FuzzInput input(data, size);
  const auto batch = input.in_range<std::size_t>(0, 2), classes = input.in_range<std::size_t>(1, 30);
  const bool multi_label = input.flag();
  std::vector<std::int32_t> strides = {8};
  if (input.flag()) strides.push_back(16);
  const std::size_t height = 16 * input.in_range<std::size_t>(0, 5), width = 16 * input.in_range<std::size_t>(0, 5);
  std::size_t positions = 0;
  for (std::int32_t stride : strides) positions += height * width / static_cast<std::size_t>(stride * stride);
  const FuzzClasses asked(input, batch, classes);
  const FuzzTensor output(input, batch * positions * (5 + classes));
  Candidates out, expected;
  DecodeWorkspace workspace;
  decode_yolox({output, strides, batch, positions, classes, height, width},
               {asked.thresholds, asked.filter, multi_label}, out, workspace);

  expected.splits.push_back(0);
  std::size_t row = 0;
  for (std::size_t b = 0; b < batch; ++b) {
    std::int64_t position = 0;
    for (std::int32_t level : strides) {
      const std::size_t step = static_cast<std::size_t>(level), columns = width / step;
      const auto stride = static_cast<float>(level);
      for (std::size_t cell = 0; cell < height / step * columns; ++cell, ++position, row += 5 + classes) {
        const float x = (output[row] + static_cast<float>(cell % columns)) * stride;
        const float y = (output[row + 1] + static_cast<float>(cell / columns)) * stride;
        const float half_width = std::exp(output[row + 2]) * stride / 2;
        const float half_height = std::exp(output[row + 3]) * stride / 2;
        const Box box{x - half_width, y - half_height, x + half_width, y + half_height};
        const float object = output[row + 4];
        if (!is_finite(box) || !(object > asked.thresholds[b])) continue;
        std::size_t best = classes;
        for (std::size_t c = 0; c < classes; ++c) {
          const float value = output[row + 5 + c];
          if (!asked.filter.empty() && asked.filter[b * classes + c] == 0) continue;
          if (multi_label && asked.passes(b, c, object * value)) add(expected, box, object * value, c, position);
          if (!std::isnan(value) && (best == classes || value > output[row + 5 + best])) best = c;
        }
        if (multi_label || best == classes) continue;
        const float score = object * output[row + 5 + best];
        if (asked.passes(b, best, score)) add(expected, box, score, best, position);
      }
    }
    expected.splits.push_back(static_cast<std::int64_t>(expected.boxes.size()));
  }
  check_same(out, expected);
  return 0;
}
