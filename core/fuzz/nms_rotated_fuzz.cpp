#include <vector>

#include "framecast/nms_rotated.h"
#include "fuzz_input.h"

// Any boxes and settings: the result is a strictly falling choice of rows that entered, no more than asked for, and the
// best of each image is among them.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  FuzzInput input(data, size);
  const auto images = input.in_range<std::size_t>(0, 3);
  std::vector<std::int64_t> splits{0};
  std::vector<float> iou, floor;
  std::vector<std::int32_t> most;
  std::vector<std::uint8_t> agnostic;
  for (std::size_t b = 0; b < images; ++b) {
    splits.push_back(splits.back() + input.in_range<std::int64_t>(0, 200));
    iou.push_back(input.fraction());
    floor.push_back(input.fraction());
    most.push_back(input.in_range<std::int32_t>(0, 255));
    agnostic.push_back(input.flag());
  }
  const auto rows = static_cast<std::size_t>(splits.back());
  std::vector<framecast::RotatedBox> boxes(rows);
  std::vector<float> scores(rows);
  std::vector<std::int32_t> classes(rows);
  for (std::size_t i = 0; i < rows; ++i) {
    boxes[i] = {input.number(), input.number(), input.number(), input.number(), input.number()};
    scores[i] = input.flag() ? input.fraction() : input.number();
    classes[i] = input.flag() ? input.in_range<std::int32_t>(0, 3) : input.take<std::int32_t>();
  }
  std::vector<std::int64_t> keep(rows);
  std::vector<std::int64_t> keep_splits(images + 1);
  framecast::RotatedNmsWorkspace workspace;
  framecast::nms_rotated({boxes, scores, classes, splits}, {iou, floor, most, agnostic}, keep, keep_splits, workspace);
  auto finite = [&](std::size_t row) {
    const framecast::RotatedBox& box = boxes[row];
    return std::isfinite(box.cx) && std::isfinite(box.cy) && std::isfinite(box.width) && std::isfinite(box.height) &&
           std::isfinite(box.angle);
  };
  for (std::size_t b = 0; b < images; ++b) {
    FUZZ_CHECK(keep_splits[b + 1] - keep_splits[b] <= most[b]);
    std::size_t best = rows;
    for (auto row = static_cast<std::size_t>(splits[b]); row < static_cast<std::size_t>(splits[b + 1]); ++row) {
      if (scores[row] > floor[b] && finite(row) && (best == rows || scores[row] > scores[best])) best = row;
    }
    if (best < rows && most[b] > 0) {
      FUZZ_CHECK(keep[static_cast<std::size_t>(keep_splits[b])] == static_cast<std::int64_t>(best));
    }
    for (std::int64_t k = keep_splits[b]; k < keep_splits[b + 1]; ++k) {
      const auto row = static_cast<std::size_t>(keep[static_cast<std::size_t>(k)]);
      FUZZ_CHECK(keep[static_cast<std::size_t>(k)] >= splits[b] && keep[static_cast<std::size_t>(k)] < splits[b + 1]);
      FUZZ_CHECK(scores[row] > floor[b] && finite(row));
      if (k == keep_splits[b]) continue;
      const auto before = static_cast<std::size_t>(keep[static_cast<std::size_t>(k - 1)]);
      FUZZ_CHECK(scores[before] > scores[row] || (scores[before] == scores[row] && before < row));
    }
  }
  return 0;
}
