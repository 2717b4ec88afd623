#include <algorithm>
#include <array>
#include <numeric>

#include "box_coder.h"
#include "finite_box.h"
#include "framecast/decode_fcos.h"
#include "framecast/decode_retinanet.h"
#include "framecast/decode_ssd.h"
#include "fuzz_classes.h"
#include "fuzz_tensor.h"
#include "sigmoid.h"

using namespace framecast;

namespace {

Box fcos_box(const std::array<float, 4>& distances, const Box& anchor) {
  const float x = 0.5f * (anchor.x1 + anchor.x2), y = 0.5f * (anchor.y1 + anchor.y2);
  const float width = anchor.x2 - anchor.x1, height = anchor.y2 - anchor.y1;
  return {x - distances[0] * width, y - distances[1] * height, x + distances[2] * width, y + distances[3] * height};
}

struct Scored {
  float score;
  std::size_t anchor;
  std::size_t class_index;
};

}  // namespace

// RetinaNet, SSD and FCOS on any bits of any type: exactly the candidates that the definition gives, in its order.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  FuzzInput input(data, size);
  enum { kRetinanet, kSsd, kFcos };
  const auto head = input.in_range<int>(kRetinanet, kFcos);
  const auto batch = input.in_range<std::size_t>(0, 2), classes = input.in_range<std::size_t>(1, 20);
  // An SSD has no levels; its classes take their place.
  std::vector<std::int64_t> levels;
  for (auto count = input.in_range<int>(1, 3); count > 0; --count) levels.push_back(input.in_range<int>(0, 255));
  const auto anchors = static_cast<std::size_t>(std::accumulate(levels.begin(), levels.end(), std::int64_t{0}));
  const std::size_t columns = head == kSsd ? classes + 1 : classes;
  const FuzzClasses asked(input, batch, classes);
  const std::vector<ImageSize> sizes = fuzz_image_sizes(input, batch);
  const std::vector<Box> boxes = fuzz_boxes(input, anchors);
  const std::array<float, 4> weights = {1 + 9 * input.fraction(), 10, 5, 0.1f + 5 * input.fraction()};
  const auto top_k = input.in_range<std::int64_t>(0, 300);
  const FuzzTensor logits(input, batch * anchors * columns), deltas(input, batch * anchors * 4);
  const FuzzTensor centerness(input, batch * anchors);
  const AnchorHeadOutputs outputs{logits, deltas, boxes, sizes, classes};
  const AnchorHeadSettings settings{asked.thresholds, asked.filter, top_k};
  Candidates out, expected;
  DecodeWorkspace workspace;
  if (head == kRetinanet) decode_retinanet(outputs, levels, settings, weights, out, workspace);
  if (head == kSsd) decode_ssd(outputs, settings, weights, out, workspace);
  if (head == kFcos) decode_fcos(outputs, centerness, levels, settings, out, workspace);

  const std::size_t groups = head == kSsd ? classes : levels.size();
  expected.splits.push_back(0);
  for (std::size_t b = 0; b < batch; ++b) {
    std::vector<std::vector<Scored>> ranked(groups);
    std::size_t level = 0, level_end = static_cast<std::size_t>(levels[0]);
    for (std::size_t anchor = 0; anchor < anchors; ++anchor) {
      while (anchor >= level_end) level_end += static_cast<std::size_t>(levels[++level]);
      const std::size_t row = b * anchors + anchor;
      std::vector<float> scores;
      if (head == kSsd) scores = softmax(logits, row * columns, columns);
      for (std::size_t c = 0; c < classes; ++c) {
        const float score = head == kSsd ? scores[c + 1]
                            : head == kRetinanet
                                ? sigmoid(logits[row * columns + c])
                                : std::sqrt(sigmoid(logits[row * columns + c]) * sigmoid(centerness[row]));
        if (asked.passes(b, c, score)) ranked[head == kSsd ? c : level].push_back({score, anchor, c});
      }
    }
    for (std::vector<Scored>& group : ranked) {
      std::stable_sort(group.begin(), group.end(), [](const Scored& a, const Scored& z) { return a.score > z.score; });
      group.resize(std::min(group.size(), static_cast<std::size_t>(top_k)));
      for (const Scored& found : group) {
        const std::array<float, 4> delta = delta_at(deltas, b * anchors + found.anchor);
        const Box& anchor = boxes[found.anchor];
        const Box decoded = head == kFcos ? fcos_box(delta, anchor) : decode_delta(delta.data(), anchor, weights);
        const Box box = clip(decoded, sizes[b]);
        if (!is_finite(box)) continue;
        add(expected, box, found.score, found.class_index, static_cast<std::int64_t>(found.anchor));
      }
    }
    expected.splits.push_back(static_cast<std::int64_t>(expected.boxes.size()));
  }
  check_same(out, expected);
  return 0;
}
