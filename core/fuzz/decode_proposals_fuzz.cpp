#include <algorithm>
#include <array>
#include <numeric>

#include "box_coder.h"
#include "framecast/decode_proposals.h"
#include "fuzz_classes.h"
#include "fuzz_tensor.h"
#include "sigmoid.h"

using namespace framecast;

namespace {

struct Scored {
  float number;
  std::size_t anchor;
};

bool is_higher(const Scored& a, const Scored& b) { return a.number > b.number; }

}  // namespace

// Any bits of any type: what comes out is in order and keeps the settings. Where NMS drops nothing, at an IoU of 1, it
// is exactly what the definition gives.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  FuzzInput input(data, size);
  const auto batch = input.in_range<std::size_t>(0, 2);
  // Past 8,192 anchors in a level a sample decides which of them are looked at.
  const std::int64_t most = input.in_range<int>(0, 15) == 0 ? 9000 : 300;
  std::vector<std::int64_t> levels;
  for (auto count = input.in_range<int>(1, 3); count > 0; --count) {
    levels.push_back(input.in_range<std::int64_t>(0, levels.empty() ? most : 50));
  }
  const auto anchors = static_cast<std::size_t>(std::accumulate(levels.begin(), levels.end(), std::int64_t{0}));
  const std::vector<ImageSize> sizes = fuzz_image_sizes(input, batch);
  const std::vector<Box> boxes = fuzz_boxes(input, anchors);
  const bool exact = input.flag();
  const ProposalSettings settings{input.in_range<std::int64_t>(0, 400),
                                  input.in_range<std::int64_t>(0, 400),
                                  exact ? 1.0f : input.fraction(),
                                  input.fraction(),
                                  4 * input.fraction() - 1,
                                  {1 + 9 * input.fraction(), 10, 5, 0.1f + 5 * input.fraction()}};
  const FuzzTensor objectness(input, batch * anchors), deltas(input, batch * anchors * 4);
  Proposals out;
  ProposalWorkspace workspace;
  decode_proposals({objectness, deltas, boxes, levels, sizes}, settings, out, workspace);

  FUZZ_CHECK(out.splits.size() == batch + 1 && out.splits[0] == 0);
  FUZZ_CHECK(out.scores.size() == out.boxes.size());
  FUZZ_CHECK(out.splits[batch] == static_cast<std::int64_t>(out.boxes.size()));
  for (std::size_t b = 0; b < batch; ++b) {
    const auto begin = static_cast<std::size_t>(out.splits[b]), end = static_cast<std::size_t>(out.splits[b + 1]);
    FUZZ_CHECK(begin <= end && end - begin <= static_cast<std::size_t>(settings.post_nms_top_n));
    for (std::size_t k = begin; k < end; ++k) {
      const Box& box = out.boxes[k];
      FUZZ_CHECK(out.scores[k] >= settings.score_threshold && (k == begin || out.scores[k] <= out.scores[k - 1]));
      FUZZ_CHECK(box.x1 >= 0 && box.y1 >= 0 && box.x2 <= sizes[b].width && box.y2 <= sizes[b].height);
      FUZZ_CHECK(at_least(box, settings.min_size));
    }
    if (!exact) continue;

    std::vector<Scored> kept;
    std::vector<Box> decoded(anchors);
    std::size_t first = 0;
    for (std::int64_t level : levels) {
      std::vector<Scored> logits;
      for (std::size_t i = first; i < first + static_cast<std::size_t>(level); ++i) {
        const float logit = objectness[b * anchors + i];
        if (!std::isnan(logit)) logits.push_back({logit, i});
      }
      std::stable_sort(logits.begin(), logits.end(), is_higher);
      logits.resize(std::min(logits.size(), static_cast<std::size_t>(settings.pre_nms_top_n)));
      for (const Scored& found : logits) {
        const std::array<float, 4> delta = delta_at(deltas, b * anchors + found.anchor);
        decoded[found.anchor] = clip(decode_delta(delta.data(), boxes[found.anchor], settings.box_weights), sizes[b]);
        const float score = sigmoid(found.number);
        if (score >= settings.score_threshold && at_least(decoded[found.anchor], settings.min_size)) {
          kept.push_back({score, found.anchor});
        }
      }
      first += static_cast<std::size_t>(level);
    }
    std::stable_sort(kept.begin(), kept.end(), is_higher);
    kept.resize(std::min(kept.size(), static_cast<std::size_t>(settings.post_nms_top_n)));
    FUZZ_CHECK(kept.size() == end - begin);
    for (std::size_t k = 0; k < kept.size(); ++k) {
      FUZZ_CHECK(out.scores[begin + k] == kept[k].number);
      FUZZ_CHECK(out.boxes[begin + k] == decoded[kept[k].anchor]);
    }
  }
  return 0;
}
