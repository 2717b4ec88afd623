#include <algorithm>
#include <cmath>
#include <map>
#include <vector>

#include "framecast/nms.h"
#include "fuzz_input.h"

namespace {

using framecast::Box;

struct Batch {
  std::vector<std::int64_t> splits{0};
  std::vector<Box> boxes;
  std::vector<float> scores;
  std::vector<std::int32_t> classes;
  std::vector<float> iou, floor;
  std::vector<std::int32_t> most, candidates, per_class;
  std::vector<std::uint8_t> agnostic;
  std::vector<float> class_floors;
  std::vector<std::uint8_t> allowed;
  std::size_t class_count = 0;

  std::size_t images() const { return splits.size() - 1; }
  framecast::NmsSettings settings() const {
    return {iou, floor, most, agnostic, class_floors, allowed, class_count, candidates, per_class};
  }
};

Batch take_batch(FuzzInput& input) {
  Batch batch;
  const auto images = input.in_range<std::size_t>(0, 3);
  const auto options = input.take<std::uint8_t>();
  const bool large = images == 1 && input.in_range<int>(0, 7) == 0;
  if (options & 3) batch.class_count = input.in_range<std::size_t>(1, 4);
  for (std::size_t b = 0; b < images; ++b) {
    batch.splits.push_back(batch.splits.back() + input.in_range<std::int64_t>(0, large ? 2000 : 200));
    batch.iou.push_back(input.fraction());
    batch.floor.push_back(input.flag() ? input.fraction() : -1);
    batch.most.push_back(input.in_range<std::int32_t>(0, input.flag() ? 255 : 3000));
    batch.agnostic.push_back(input.flag());
    if (options & 4) batch.candidates.push_back(input.in_range<std::int32_t>(0, 255));
    if (options & 8) batch.per_class.push_back(input.in_range<std::int32_t>(0, 15));
    for (std::size_t c = 0; c < batch.class_count; ++c) {
      if (options & 1) batch.class_floors.push_back(input.fraction());
      if (options & 2) batch.allowed.push_back(input.flag());
    }
  }
  const auto rows = static_cast<std::size_t>(batch.splits.back());
  // Many boxes from few bytes: past the end of the input they go on as a pattern.
  const float step = input.number();
  for (std::size_t i = 0; i < rows; ++i) {
    Box box{input.number(), input.number(), input.number(), input.number()};
    if (input.remaining() == 0) {
      const float x = step * static_cast<float>(i % 37), y = step * static_cast<float>(i % 23);
      box = {x, y, x + step * static_cast<float>(i % 5), y + step * static_cast<float>(1 + i % 3)};
    }
    batch.boxes.push_back(box);
    batch.scores.push_back(input.flag() ? input.fraction() : input.number());
    if (batch.class_count > 0) {
      batch.classes.push_back(input.in_range<std::int32_t>(0, static_cast<std::int32_t>(batch.class_count) - 1));
    } else {
      batch.classes.push_back(input.flag() ? input.in_range<std::int32_t>(0, 3) : input.take<std::int32_t>());
    }
  }
  return batch;
}

float iou(const Box& a, const Box& b) {
  const float width = std::max(0.0f, std::min(a.x2, b.x2) - std::max(a.x1, b.x1));
  const float height = std::max(0.0f, std::min(a.y2, b.y2) - std::max(a.y1, b.y1));
  const float inter = width * height;
  return inter / ((a.x2 - a.x1) * (a.y2 - a.y1) + (b.x2 - b.x1) * (b.y2 - b.y1) - inter);
}

/// The definition, for one image.
std::vector<std::int64_t> plain(const Batch& batch, std::size_t b) {
  std::vector<std::int64_t> order;
  for (std::int64_t i = batch.splits[b]; i < batch.splits[b + 1]; ++i) {
    const auto row = static_cast<std::size_t>(i);
    const Box& box = batch.boxes[row];
    const std::size_t entry = b * batch.class_count + (batch.class_count > 0 ? batch.classes[row] : 0);
    const bool finite =
        std::isfinite(box.x1) && std::isfinite(box.y1) && std::isfinite(box.x2) && std::isfinite(box.y2);
    if (finite && batch.scores[row] > batch.floor[b] &&
        (batch.class_floors.empty() || batch.scores[row] > batch.class_floors[entry]) &&
        (batch.allowed.empty() || batch.allowed[entry] != 0)) {
      order.push_back(i);
    }
  }
  std::stable_sort(order.begin(), order.end(), [&](std::int64_t i, std::int64_t k) {
    return batch.scores[static_cast<std::size_t>(i)] > batch.scores[static_cast<std::size_t>(k)];
  });
  if (!batch.candidates.empty()) order.resize(std::min(order.size(), static_cast<std::size_t>(batch.candidates[b])));
  std::vector<std::int64_t> keep;
  std::map<std::int32_t, std::vector<std::int64_t>> by_class;
  for (std::int64_t i : order) {
    if (keep.size() >= static_cast<std::size_t>(batch.most[b])) break;
    const auto row = static_cast<std::size_t>(i);
    auto& rivals = by_class[batch.agnostic[b] ? 0 : batch.classes[row]];
    if (!batch.per_class.empty() && rivals.size() >= static_cast<std::size_t>(batch.per_class[b])) continue;
    if (std::any_of(rivals.begin(), rivals.end(), [&](std::int64_t k) {
          return iou(batch.boxes[static_cast<std::size_t>(k)], batch.boxes[row]) > batch.iou[b];
        })) {
      continue;
    }
    rivals.push_back(i);
    keep.push_back(i);
  }
  return keep;
}

}  // namespace

// Any boxes and settings: the rows that stay and their order are those of the definition.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  FuzzInput input(data, size);
  const Batch batch = take_batch(input);
  std::vector<std::int64_t> keep(batch.boxes.size());
  std::vector<std::int64_t> keep_splits(batch.splits.size());
  static framecast::NmsWorkspace workspace;
  const std::size_t kept = framecast::nms({batch.boxes, batch.scores, batch.classes, batch.splits}, batch.settings(),
                                          keep, keep_splits, workspace);
  FUZZ_CHECK(keep_splits.front() == 0 && keep_splits.back() == static_cast<std::int64_t>(kept));
  for (std::size_t b = 0; b < batch.images(); ++b) {
    FUZZ_CHECK(std::vector<std::int64_t>(keep.begin() + keep_splits[b], keep.begin() + keep_splits[b + 1]) ==
               plain(batch, b));
  }
  return 0;
}
