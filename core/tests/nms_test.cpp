#include "framecast/nms.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <stdexcept>

#include "check.h"
#include "kernels/nms.h"
#include "random.h"

using framecast::Box;
using framecast::NmsWorkspace;

namespace {

struct Image {
  std::vector<Box> boxes;
  std::vector<float> scores;
  std::vector<std::int32_t> classes;
};

Image random_image(Random& random, std::size_t count, std::size_t classes) {
  Image image;
  for (std::size_t i = 0; i < count; ++i) {
    const float x = random.uniform(0, 60), y = random.uniform(0, 60);
    image.boxes.push_back({x, y, x + random.uniform(0, 30), y + random.uniform(0, 30)});
    image.scores.push_back(static_cast<float>(random.below(50)) / 50);
    image.classes.push_back(static_cast<std::int32_t>(random.below(classes)));
  }
  return image;
}

std::vector<std::int64_t> run(const Image& image, float iou, float score, std::int32_t limit, bool agnostic,
                              NmsWorkspace& workspace) {
  const std::int64_t splits[] = {0, static_cast<std::int64_t>(image.boxes.size())};
  const std::uint8_t flag = agnostic;
  std::vector<std::int64_t> keep(image.boxes.size());
  std::int64_t keep_splits[2];
  const std::size_t kept =
      framecast::nms({image.boxes, image.scores, image.classes, splits},
                     {{&iou, 1}, {&score, 1}, {&limit, 1}, {&flag, 1}}, keep, keep_splits, workspace);
  CHECK(keep_splits[0] == 0 && keep_splits[1] == static_cast<std::int64_t>(kept));
  keep.resize(kept);
  return keep;
}

float iou(const Box& a, const Box& b) {
  const float width = std::max(0.0f, std::min(a.x2, b.x2) - std::max(a.x1, b.x1));
  const float height = std::max(0.0f, std::min(a.y2, b.y2) - std::max(a.y1, b.y1));
  const float inter = width * height;
  const float area_a = (a.x2 - a.x1) * (a.y2 - a.y1);
  const float area_b = (b.x2 - b.x1) * (b.y2 - b.y1);
  return inter / (area_a + area_b - inter);
}

/// The definition, quadratic.
std::vector<std::int64_t> plain(const Image& image, float threshold, float score, std::size_t limit, bool agnostic) {
  std::vector<std::int64_t> order(image.boxes.size());
  std::iota(order.begin(), order.end(), 0);
  auto at = [](auto& values, std::int64_t i) { return values[static_cast<std::size_t>(i)]; };
  std::stable_sort(order.begin(), order.end(),
                   [&](auto a, auto b) { return at(image.scores, a) > at(image.scores, b); });
  std::vector<std::int64_t> keep;
  for (std::int64_t i : order) {
    if (!(at(image.scores, i) > score)) continue;
    const bool suppressed = std::any_of(keep.begin(), keep.end(), [&](std::int64_t k) {
      return (agnostic || at(image.classes, k) == at(image.classes, i)) &&
             iou(at(image.boxes, k), at(image.boxes, i)) > threshold;
    });
    if (!suppressed) keep.push_back(i);
  }
  if (keep.size() > limit) keep.resize(limit);
  return keep;
}

}  // namespace

TEST(equals_the_definition) {
  Random random(1);
  NmsWorkspace workspace;
  for (std::size_t round = 0; round < 400; ++round) {
    const Image image = random_image(random, random.below(120), 1 + random.below(6));
    const float threshold = random.uniform(0, 1), score = random.uniform(-0.1f, 0.5f);
    const std::size_t limit = random.below(60);
    const bool agnostic = random.below(2) == 1;
    CHECK(run(image, threshold, score, static_cast<std::int32_t>(limit), agnostic, workspace) ==
          plain(image, threshold, score, limit, agnostic));
  }
}

TEST(a_reused_workspace_no_longer_allocates) {
  Random random(2);
  NmsWorkspace workspace;
  const Image image = random_image(random, 500, 3);
  run(image, 0.5f, 0, 500, false, workspace);
  const auto* entries = workspace.entries.data();
  const auto* column = workspace.columns[0].data();
  run(image, 0.5f, 0, 500, false, workspace);
  CHECK(workspace.entries.data() == entries && workspace.columns[0].data() == column);
}

TEST(kernel_reads_exactly_the_columns_it_is_given) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const Box box{0, 0, 2, 2};
  for (std::size_t count = 0; count <= 67; ++count) {
    // The box behind the end would overlap, the one at the end does.
    std::vector<float> near(count + 1, 0), far(count + 1, 2), area(count + 1, 4);
    for (std::size_t i = 0; i + 1 < count; ++i) {
      near[i] = 10;
      far[i] = 12;
    }
    framecast::kernels::BoxColumns columns{near.data(), near.data(), far.data(), far.data(), area.data(), count};
    CHECK(framecast::kernels::overlaps_any_scalar(columns, box, 4, 0.5f) == (count > 0));
    if (count == 0) continue;
    columns.count = count - 1;
    CHECK(!framecast::kernels::overlaps_any_scalar(columns, box, 4, 0.5f));
    near[count - 1] = nan;
    columns.count = count;
    CHECK(!framecast::kernels::overlaps_any_scalar(columns, {0, 0, 0, 0}, 0, 0.0f));
  }
}

TEST(refuses_what_does_not_fit) {
  NmsWorkspace workspace;
  const std::vector<Box> boxes(2);
  const std::vector<float> scores(2), one_score(1);
  const std::vector<std::int32_t> classes(2);
  const std::int64_t splits[] = {0, 2}, falling[] = {0, 3, 2};
  const float half = 0.5f, two = 2;
  const std::int32_t limit = 1;
  const std::uint8_t flag = 0;
  std::vector<std::int64_t> keep(2), keep_splits(2), short_keep(1);
  const framecast::NmsSettings settings{{&half, 1}, {&half, 1}, {&limit, 1}, {&flag, 1}};
  CHECK_REFUSES("scores", framecast::nms({boxes, one_score, classes, splits}, settings, keep, keep_splits, workspace));
  CHECK_REFUSES("splits", framecast::nms({boxes, scores, classes, falling}, settings, keep, keep_splits, workspace));
  CHECK_REFUSES("keep", framecast::nms({boxes, scores, classes, splits}, settings, short_keep, keep_splits, workspace));
  CHECK_REFUSES("iou_thresholds",
                framecast::nms({boxes, scores, classes, splits}, {{&two, 1}, {&half, 1}, {&limit, 1}, {&flag, 1}}, keep,
                               keep_splits, workspace));
}
