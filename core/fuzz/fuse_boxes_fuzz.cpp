#include <vector>

#include "framecast/fuse_boxes.h"
#include "fuzz_input.h"

// Any boxes and settings: fused boxes lie within the bounds of what entered, scores fall, and there are no more boxes
// than were given or asked for.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  FuzzInput input(data, size);
  const auto images = input.in_range<std::size_t>(0, 3);
  std::vector<float> weights(input.in_range<std::size_t>(1, 4));
  for (float& weight : weights) weight = 0.1f + input.fraction() * 4;
  std::vector<std::int64_t> splits{0};
  std::vector<float> iou, floor;
  std::vector<std::int32_t> most;
  for (std::size_t b = 0; b < images; ++b) {
    splits.push_back(splits.back() + input.in_range<std::int64_t>(0, 200));
    iou.push_back(input.fraction());
    floor.push_back(input.flag() ? 0 : input.fraction());
    most.push_back(input.in_range<std::int32_t>(0, 255));
  }
  const auto rows = static_cast<std::size_t>(splits.back());
  std::vector<framecast::Box> boxes(rows);
  std::vector<float> scores(rows);
  std::vector<std::int32_t> classes(rows), models(rows);
  for (std::size_t i = 0; i < rows; ++i) {
    boxes[i] = {input.number(), input.number(), input.number(), input.number()};
    scores[i] = input.flag() ? input.fraction() : input.number();
    classes[i] = input.flag() ? input.in_range<std::int32_t>(0, 3) : input.take<std::int32_t>();
    models[i] = input.in_range<std::int32_t>(0, static_cast<std::int32_t>(weights.size()) - 1);
  }
  const auto rule = input.flag() ? framecast::FusedScore::average : framecast::FusedScore::highest;
  framecast::Candidates out;
  framecast::FusionWorkspace workspace;
  framecast::fuse_boxes({boxes, scores, classes, models, splits}, {iou, floor, most, weights, rule}, out, workspace);
  FUZZ_CHECK(out.splits.size() == images + 1 && out.boxes.size() == static_cast<std::size_t>(out.splits.back()));
  for (std::size_t b = 0; b < images; ++b) {
    const std::int64_t count = out.splits[b + 1] - out.splits[b];
    FUZZ_CHECK(count >= 0 && count <= most[b] && count <= splits[b + 1] - splits[b]);
    float left = std::numeric_limits<float>::max(), right = -left, highest = 0;
    for (auto i = static_cast<std::size_t>(splits[b]); i < static_cast<std::size_t>(splits[b + 1]); ++i) {
      if (!std::isfinite(boxes[i].x1) || !std::isfinite(boxes[i].x2) || !std::isfinite(scores[i])) continue;
      left = std::min(left, boxes[i].x1);
      right = std::max(right, boxes[i].x2);
      highest = std::max(highest, scores[i]);
    }
    // A mean of float64 may be one step of float32 off.
    auto below = [](float value) { return value - std::abs(value) * 1e-6f; };
    auto above = [](float value) { return value + std::abs(value) * 1e-6f; };
    for (auto k = static_cast<std::size_t>(out.splits[b]); k < static_cast<std::size_t>(out.splits[b + 1]); ++k) {
      FUZZ_CHECK(out.boxes[k].x1 >= below(left) && out.boxes[k].x2 <= above(right));
      FUZZ_CHECK(out.scores[k] >= 0 && out.scores[k] <= above(highest) * 4.5f);
      if (k > static_cast<std::size_t>(out.splits[b])) FUZZ_CHECK(out.scores[k - 1] >= out.scores[k]);
    }
  }
  return 0;
}
