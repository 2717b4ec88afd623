#include <vector>

#include "framecast/soft_nms.h"
#include "fuzz_input.h"

// Any boxes and settings: scores fall, none is above what it was or below the threshold, no row comes twice, and the
// best row of an image keeps its score.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  FuzzInput input(data, size);
  const auto images = input.in_range<std::size_t>(0, 3);
  const bool gaussian = input.flag();
  std::vector<std::int64_t> splits{0};
  std::vector<float> iou, sigmas, floor;
  std::vector<std::int32_t> most;
  std::vector<std::uint8_t> agnostic;
  for (std::size_t b = 0; b < images; ++b) {
    splits.push_back(splits.back() + input.in_range<std::int64_t>(0, 200));
    if (gaussian) sigmas.push_back(input.fraction() + 0.001f);
    if (!gaussian) iou.push_back(input.fraction());
    floor.push_back(input.flag() ? 0 : input.fraction());
    most.push_back(input.in_range<std::int32_t>(0, 255));
    agnostic.push_back(input.flag());
  }
  const auto rows = static_cast<std::size_t>(splits.back());
  std::vector<framecast::Box> boxes(rows);
  std::vector<float> scores(rows);
  std::vector<std::int32_t> classes(rows);
  for (std::size_t i = 0; i < rows; ++i) {
    boxes[i] = {input.number(), input.number(), input.number(), input.number()};
    scores[i] = input.flag() ? input.fraction() : input.number();
    classes[i] = input.flag() ? input.in_range<std::int32_t>(0, 3) : input.take<std::int32_t>();
  }
  std::vector<std::int64_t> keep(rows), keep_splits(images + 1);
  std::vector<float> lowered(rows);
  framecast::SoftNmsWorkspace workspace;
  framecast::soft_nms({boxes, scores, classes, splits}, {iou, sigmas, floor, most, agnostic}, keep, lowered,
                      keep_splits, workspace);
  std::vector<bool> seen(rows);
  for (std::size_t b = 0; b < images; ++b) {
    FUZZ_CHECK(keep_splits[b + 1] - keep_splits[b] <= most[b]);
    for (auto k = static_cast<std::size_t>(keep_splits[b]); k < static_cast<std::size_t>(keep_splits[b + 1]); ++k) {
      const auto row = static_cast<std::size_t>(keep[k]);
      FUZZ_CHECK(keep[k] >= splits[b] && keep[k] < splits[b + 1] && !seen[row]);
      seen[row] = true;
      FUZZ_CHECK(lowered[k] > floor[b] && lowered[k] <= scores[row]);
      if (k == static_cast<std::size_t>(keep_splits[b])) {
        FUZZ_CHECK(lowered[k] == scores[row]);
      } else {
        FUZZ_CHECK(lowered[k - 1] > lowered[k] || (lowered[k - 1] == lowered[k] && keep[k - 1] != keep[k]));
      }
    }
  }
  return 0;
}
