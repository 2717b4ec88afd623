#include "box_coder.h"
#include "framecast/decode_boxes.h"
#include "fuzz_classes.h"
#include "fuzz_tensor.h"

using namespace framecast;

// Any bits of any type: exactly the candidates that the definition gives, in its order.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  FuzzInput input(data, size);
  const auto batch = input.in_range<std::size_t>(0, 3), classes = input.in_range<std::size_t>(1, 40);
  std::vector<std::int64_t> splits = {0};
  for (std::size_t b = 0; b < batch; ++b) splits.push_back(splits.back() + input.in_range<std::int64_t>(0, 20));
  const auto rows = static_cast<std::size_t>(splits.back());
  const FuzzClasses asked(input, batch, classes);
  const std::vector<ImageSize> sizes = fuzz_image_sizes(input, batch);
  const std::vector<Box> proposals = fuzz_boxes(input, rows);
  const float min_size = 4 * input.fraction() - 1;
  const std::array<float, 4> weights = {1 + 9 * input.fraction(), 10, 5, 0.1f + 5 * input.fraction()};
  const FuzzTensor logits(input, rows * (classes + 1)), deltas(input, rows * (classes + 1) * 4);
  Candidates out, expected;
  DecodeWorkspace workspace;
  decode_boxes({logits, deltas, proposals, splits, sizes, classes}, {asked.thresholds, asked.filter, min_size, weights},
               out, workspace);

  expected.splits.push_back(0);
  for (std::size_t b = 0; b < batch; ++b) {
    for (std::int64_t source = splits[b]; source < splits[b + 1]; ++source) {
      const auto row = static_cast<std::size_t>(source);
      const std::vector<float> scores = softmax(logits, row * (classes + 1), classes + 1);
      for (std::size_t c = 0; c < classes; ++c) {
        if (!asked.passes(b, c, scores[c + 1])) continue;
        const std::array<float, 4> delta = delta_at(deltas, row * (classes + 1) + c + 1);
        const Box box = clip(decode_delta(delta.data(), proposals[row], weights), sizes[b]);
        if (at_least(box, min_size)) add(expected, box, scores[c + 1], c, source);
      }
    }
    expected.splits.push_back(static_cast<std::int64_t>(expected.boxes.size()));
  }
  check_same(out, expected);
  return 0;
}
