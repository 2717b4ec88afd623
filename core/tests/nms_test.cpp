#include "framecast/nms.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <stdexcept>

#include "allocations.h"
#include "check.h"
#include "kernels/nms.h"
#include "random.h"

using framecast::Box;
using framecast::Isa;
using framecast::NmsWorkspace;

namespace {

std::vector<Isa> supported_isas() {
  std::vector<Isa> all;
  for (Isa isa : {Isa::scalar, Isa::neon, Isa::avx2, Isa::avx512}) {
    if (framecast::is_supported(isa)) all.push_back(isa);
  }
  return all;
}

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
  std::erase_if(order, [&](auto i) { return !(at(image.scores, i) > score); });
  std::stable_sort(order.begin(), order.end(),
                   [&](auto a, auto b) { return at(image.scores, a) > at(image.scores, b); });
  std::vector<std::int64_t> keep;
  for (std::int64_t i : order) {
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
  const std::int64_t splits[] = {0, 500};
  const float half = 0.5f, floor = 0;
  const std::int32_t limit = 500;
  const std::uint8_t agnostic = 0;
  std::vector<std::int64_t> keep(500), keep_splits(2);
  auto call = [&] {
    framecast::nms({image.boxes, image.scores, image.classes, splits},
                   {{&half, 1}, {&floor, 1}, {&limit, 1}, {&agnostic, 1}}, keep, keep_splits, workspace);
  };
  call();
  CHECK(allocations_of(call) == 0);
}

TEST(a_pool_changes_nothing) {
  Random random(9);
  framecast::ThreadPool pool(3);
  NmsWorkspace alone, shared;
  for (std::size_t round = 0; round < 30; ++round) {
    Image batch;
    std::vector<std::int64_t> splits{0};
    for (std::size_t b = 0; b < 9; ++b) {
      const Image image = random_image(random, random.below(200), 3);
      batch.boxes.insert(batch.boxes.end(), image.boxes.begin(), image.boxes.end());
      batch.scores.insert(batch.scores.end(), image.scores.begin(), image.scores.end());
      batch.classes.insert(batch.classes.end(), image.classes.begin(), image.classes.end());
      splits.push_back(static_cast<std::int64_t>(batch.boxes.size()));
    }
    const std::vector<float> ious(9, 0.4f), floors(9, 0.1f);
    const std::vector<std::int32_t> limits(9, 40);
    const std::vector<std::uint8_t> agnostic(9, 0);
    std::vector<std::int64_t> keep(batch.boxes.size()), other_keep(keep), keep_splits(10), other_splits(10);
    auto call = [&](auto& rows, auto& row_splits, NmsWorkspace& workspace, framecast::ThreadPool* threads) {
      rows.resize(framecast::nms({batch.boxes, batch.scores, batch.classes, splits}, {ious, floors, limits, agnostic},
                                 rows, row_splits, workspace, threads));
    };
    call(keep, keep_splits, alone, nullptr);
    call(other_keep, other_splits, shared, &pool);
    CHECK(keep == other_keep && keep_splits == other_splits);
  }
}

TEST(equals_the_definition_with_many_candidates_whatever_the_scores_and_labels) {
  Random random(3);
  NmsWorkspace workspace;
  const float inf = std::numeric_limits<float>::infinity();
  const float odd[] = {0.0f, -0.0f, inf, -inf, -1.5f, 1e-44f, -1e-44f, std::numeric_limits<float>::quiet_NaN(), 3e38f};
  for (std::size_t round = 0; round < 60; ++round) {
    Image image = random_image(random, 50 + random.below(900), 1 + random.below(9));
    const std::size_t kind = random.below(4);
    for (auto& score : image.scores) {
      if (kind == 0) score = std::exp(random.uniform(-12, 0));
      if (kind == 1) score = odd[random.below(std::size(odd))];
      if (kind == 2) score = random.uniform(-3, 3);
    }
    if (random.below(2) == 1) {
      for (auto& label : image.classes) label = (label - 4) * 500'000'000;
    }
    const float score = random.below(2) == 1 ? -inf : random.uniform(-1, 0.5f);
    const std::size_t limit = random.below(2) == 1 ? 2000 : random.below(200);
    const bool agnostic = random.below(4) == 0;
    const float threshold = random.uniform(0, 1);
    CHECK(run(image, threshold, score, static_cast<std::int32_t>(limit), agnostic, workspace) ==
          plain(image, threshold, score, limit, agnostic));
  }
}

TEST(kernels_read_exactly_the_columns_they_are_given) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const Box box{0, 0, 2, 2};
  for (Isa isa : supported_isas()) {
    const auto overlaps_any = framecast::kernels::nms_kernels(isa).overlaps_any;
    for (std::size_t count = 0; count <= 67; ++count) {
      // The box behind the end would overlap, the one at the end does.
      std::vector<float> near(count + 1, 0), far(count + 1, 2), area(count + 1, 4);
      for (std::size_t i = 0; i + 1 < count; ++i) {
        near[i] = 10;
        far[i] = 12;
      }
      framecast::kernels::BoxColumns columns{near.data(), near.data(), far.data(), far.data(), area.data(), count};
      CHECK(overlaps_any(columns, box, 4, 0.5f) == (count > 0));
      if (count == 0) continue;
      columns.count = count - 1;
      CHECK(!overlaps_any(columns, box, 4, 0.5f));
      near[count - 1] = nan;
      columns.count = count;
      CHECK(!overlaps_any(columns, {0, 0, 0, 0}, 0, 0.0f));
    }
  }
}

TEST(kernels_agree_on_overlaps_next_to_the_threshold) {
  Random random(4);
  const float huge = 3e38f;
  for (int round = 0; round < 20000; ++round) {
    // Coarse numbers make exact ties, inverted and empty boxes; huge ones overflow.
    auto number = [&] { return random.below(60) == 0 ? -huge + huge * random.uniform(0, 2) : random.uniform(0, 1); };
    auto coarse = [&] { return static_cast<float>(random.below(5)); };
    const bool is_coarse = random.below(2) == 1;
    auto any = [&] { return is_coarse ? coarse() : number(); };
    const std::size_t count = random.below(40);
    std::vector<float> x1(count), y1(count), x2(count), y2(count), area(count);
    for (std::size_t i = 0; i < count; ++i) {
      x1[i] = any(), y1[i] = any(), x2[i] = any(), y2[i] = any();
      area[i] = (x2[i] - x1[i]) * (y2[i] - y1[i]);
    }
    const Box box{any(), any(), any(), any()};
    const float own = (box.x2 - box.x1) * (box.y2 - box.y1);
    const framecast::kernels::BoxColumns columns{x1.data(), y1.data(), x2.data(), y2.data(), area.data(), count};
    // The greatest IoU itself, and its neighbours, are the thresholds where a rounding would show.
    float threshold = 0;
    for (std::size_t i = 0; i < count; ++i) {
      const float value = iou({x1[i], y1[i], x2[i], y2[i]}, box);
      if (value > threshold && value <= 1) threshold = value;
    }
    for (float t : {threshold, std::nextafter(threshold, 0.0f), 0.0f, 0.5f}) {
      const bool expected = framecast::kernels::overlaps_any_scalar(columns, box, own, t);
      for (Isa isa : supported_isas()) {
        CHECK(framecast::kernels::nms_kernels(isa).overlaps_any(columns, box, own, t) == expected);
      }
    }
  }
}

TEST(kernels_find_the_rows_above_and_write_no_further) {
  Random random(5);
  for (std::size_t count = 0; count <= 70; ++count) {
    std::vector<float> scores(count + 1, 9);
    for (std::size_t i = 0; i < count; ++i) scores[i] = static_cast<float>(random.below(4));
    if (count > 5) scores[5] = std::numeric_limits<float>::quiet_NaN();
    for (float threshold : {-1.0f, 1.0f, 3.0f}) {
      std::vector<std::uint32_t> expected(count);
      expected.resize(framecast::kernels::rows_above_scalar(scores.data(), count, threshold, expected.data()));
      for (Isa isa : supported_isas()) {
        std::vector<std::uint32_t> rows(count + 1, 77);
        const std::size_t found =
            framecast::kernels::nms_kernels(isa).rows_above(scores.data(), count, threshold, rows.data());
        CHECK(rows.back() == 77);
        rows.resize(found);
        CHECK(rows == expected);
      }
    }
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
