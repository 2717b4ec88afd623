#include "framecast/nms.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <stdexcept>

#include "allocations.h"
#include "box_code.h"
#include "check.h"
#include "kernels/nms.h"
#include "random.h"
#include "score_order.h"

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

/// Empty or negative = not asked for.
struct Options {
  std::vector<float> floors;
  std::vector<std::uint8_t> allowed;
  std::int32_t max_candidates = -1;
  std::int32_t max_per_class = -1;
};

std::vector<std::int64_t> run(const Image& image, float iou, float score, std::int32_t limit, bool agnostic,
                              NmsWorkspace& workspace, const Options& options = {}) {
  const std::int64_t splits[] = {0, static_cast<std::int64_t>(image.boxes.size())};
  const std::uint8_t flag = agnostic;
  std::vector<std::int64_t> keep(image.boxes.size());
  std::int64_t keep_splits[2];
  framecast::NmsSettings settings{{&iou, 1}, {&score, 1}, {&limit, 1}, {&flag, 1}};
  settings.class_score_thresholds = options.floors;
  settings.class_filter = options.allowed;
  settings.class_count = std::max(options.floors.size(), options.allowed.size());
  if (options.max_candidates >= 0) settings.max_candidates = {&options.max_candidates, 1};
  if (options.max_per_class >= 0) settings.max_per_class = {&options.max_per_class, 1};
  const std::size_t kept =
      framecast::nms({image.boxes, image.scores, image.classes, splits}, settings, keep, keep_splits, workspace);
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

bool is_finite(const Box& box) {
  return std::isfinite(box.x1) && std::isfinite(box.y1) && std::isfinite(box.x2) && std::isfinite(box.y2);
}

/// The definition, quadratic.
std::vector<std::int64_t> plain(const Image& image, float threshold, float score, std::size_t limit, bool agnostic,
                                const Options& options = {}) {
  std::vector<std::int64_t> order(image.boxes.size());
  std::iota(order.begin(), order.end(), 0);
  auto at = [](auto& values, std::int64_t i) { return values[static_cast<std::size_t>(i)]; };
  std::erase_if(order, [&](auto i) {
    const std::int32_t label = at(image.classes, i);
    return !(at(image.scores, i) > score) || !is_finite(at(image.boxes, i)) ||
           (!options.floors.empty() && !(at(image.scores, i) > at(options.floors, label))) ||
           (!options.allowed.empty() && at(options.allowed, label) == 0);
  });
  std::stable_sort(order.begin(), order.end(),
                   [&](auto a, auto b) { return at(image.scores, a) > at(image.scores, b); });
  if (options.max_candidates >= 0 && order.size() > static_cast<std::size_t>(options.max_candidates)) {
    order.resize(static_cast<std::size_t>(options.max_candidates));
  }
  std::vector<std::int64_t> keep;
  for (std::int64_t i : order) {
    auto is_rival = [&](std::int64_t k) { return agnostic || at(image.classes, k) == at(image.classes, i); };
    if (options.max_per_class >= 0 &&
        std::count_if(keep.begin(), keep.end(), is_rival) >= std::ptrdiff_t{options.max_per_class}) {
      continue;
    }
    const bool suppressed = std::any_of(keep.begin(), keep.end(), [&](std::int64_t k) {
      return is_rival(k) && iou(at(image.boxes, k), at(image.boxes, i)) > threshold;
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
  // Large enough for groups in every arrangement; far labels, too.
  Image batch = random_image(random, 6000, 2);
  for (std::size_t i = 0; i < 500; ++i) batch.classes[5000 + i] = static_cast<std::int32_t>(i * 1'000'000);
  const std::vector<std::int64_t> splits{0, 5000, 5500, 6000};
  const std::vector<float> halves(3, 0.5f), floors(3, 0);
  const std::vector<std::int32_t> limits{5000, 500, 20}, few{100, 400, 300};
  const std::vector<std::uint8_t> agnostic{0, 0, 1};
  std::vector<std::int64_t> keep(6000), keep_splits(4);
  framecast::NmsSettings settings{halves, floors, limits, agnostic};
  auto call = [&] {
    framecast::nms({batch.boxes, batch.scores, batch.classes, splits}, settings, keep, keep_splits, workspace);
  };
  call();
  CHECK(allocations_of(call) == 0);
  settings.max_candidates = few;
  settings.max_per_class = few;
  call();
  CHECK(allocations_of(call) == 0);
  for (auto& label : batch.classes) label %= 2;
  const std::vector<float> class_floors(6, 0.1f);
  const std::vector<std::uint8_t> allowed{1, 1, 1, 0, 0, 1};
  settings.class_score_thresholds = class_floors;
  settings.class_filter = allowed;
  settings.class_count = 2;
  call();
  CHECK(allocations_of(call) == 0);
}

TEST(a_pool_no_longer_allocates) {
  Random random(11);
  framecast::ThreadPool pool(3);
  NmsWorkspace workspace;
  // Images alike, so that it does not matter which thread had which.
  const Image image = random_image(random, 1500, 2);
  Image batch;
  std::vector<std::int64_t> splits{0};
  for (std::size_t b = 0; b < 12; ++b) {
    batch.boxes.insert(batch.boxes.end(), image.boxes.begin(), image.boxes.end());
    batch.scores.insert(batch.scores.end(), image.scores.begin(), image.scores.end());
    batch.classes.insert(batch.classes.end(), image.classes.begin(), image.classes.end());
    splits.push_back(static_cast<std::int64_t>(batch.boxes.size()));
  }
  const std::vector<float> halves(12, 0.5f), floors(12, 0);
  const std::vector<std::int32_t> limits(12, 2000);
  const std::vector<std::uint8_t> agnostic(12, 0);
  std::vector<std::int64_t> keep(batch.boxes.size()), keep_splits(13);
  auto call = [&] {
    framecast::nms({batch.boxes, batch.scores, batch.classes, splits}, {halves, floors, limits, agnostic}, keep,
                   keep_splits, workspace, &pool);
  };
  // A thread grows its memory with its first image, so a few calls settle it, and only a late first image allocates.
  std::size_t quiet = 0;
  for (int round = 0; round < 200 && quiet < 5; ++round) quiet = allocations_of(call) == 0 ? quiet + 1 : 0;
  CHECK(quiet == 5);
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

TEST(options_equal_the_definition) {
  Random random(6);
  NmsWorkspace workspace;
  for (std::size_t round = 0; round < 1000; ++round) {
    const Image image = random_image(random, random.below(round % 10 == 0 ? 1500 : 150), 5);
    Options options;
    if (random.below(2) == 1) {
      for (std::size_t c = 0; c < 5; ++c) options.floors.push_back(random.uniform(0, 0.6f));
    }
    if (random.below(2) == 1) {
      for (std::size_t c = 0; c < 5; ++c) options.allowed.push_back(random.below(3) > 0);
    }
    if (random.below(2) == 1) options.max_candidates = static_cast<std::int32_t>(random.below(100));
    if (random.below(2) == 1) options.max_per_class = static_cast<std::int32_t>(random.below(12));
    const float threshold = random.uniform(0, 1), score = random.uniform(-0.1f, 0.5f);
    const std::size_t limit = random.below(2) == 1 ? 2000 : random.below(60);
    const bool agnostic = random.below(3) == 0;
    CHECK(run(image, threshold, score, static_cast<std::int32_t>(limit), agnostic, workspace, options) ==
          plain(image, threshold, score, limit, agnostic, options));
  }
}

TEST(a_crowd_of_one_class_equals_the_definition) {
  // Large enough for every arrangement of a group: in order, coded, by place, and again when most are struck out.
  Random random(7);
  NmsWorkspace workspace;
  for (std::size_t round = 0; round < 24; ++round) {
    Image image = random_image(random, 1000 + random.below(2500), 1);
    const float scale = round % 3 == 0 ? 0.05f : round % 3 == 1 ? 0.4f : 3;
    for (Box& box : image.boxes) {
      box.x2 = box.x1 + (box.x2 - box.x1) * scale;
      box.y2 = box.y1 + (box.y2 - box.y1) * scale;
      if (round % 4 == 3) box.x1 *= 1e30f, box.x2 *= 1e30f, box.y1 *= 1e-30f, box.y2 *= 1e-30f;
      if (random.below(50) == 0) box.x2 = std::numeric_limits<float>::quiet_NaN();
      if (random.below(50) == 0) std::swap(box.x1, box.x2);
      if (random.below(200) == 0) box = {-3e38f, -3e38f, 3e38f, 3e38f};
    }
    for (float threshold : {0.0f, 0.005f, 0.3f, 0.7f, 1.0f}) {
      CHECK(run(image, threshold, -1, 5000, false, workspace) == plain(image, threshold, -1, 5000, false));
    }
  }
}

namespace {

/// Blocks with the given boxes; behind them NaN, whose bits are set too.
struct Blocks {
  explicit Blocks(const std::vector<Box>& boxes)
      : blocks(boxes.size() / 64 + 1), left(blocks.size(), ~std::uint64_t{0}) {
    const float nan = std::numeric_limits<float>::quiet_NaN();
    for (std::size_t i = 0; i < blocks.size() * 64; ++i) {
      const Box box = i < boxes.size() ? boxes[i] : Box{nan, nan, nan, nan};
      auto& block = blocks[i / 64];
      block.x1[i % 64] = box.x1, block.y1[i % 64] = box.y1, block.x2[i % 64] = box.x2, block.y2[i % 64] = box.y2;
      block.area[i % 64] = box.x1 < box.x2 && box.y1 < box.y2 ? (box.x2 - box.x1) * (box.y2 - box.y1)
                                                              : std::numeric_limits<float>::infinity();
      block.code[i % 64] = 0x04030201u;
    }
  }

  std::vector<framecast::kernels::CodedBoxes> blocks;
  std::vector<std::uint64_t> left;
};

}  // namespace

TEST(kernels_strike_out_exactly_what_lies_between) {
  const framecast::kernels::OverlapLimit limit(0.5f);
  for (Isa isa : supported_isas()) {
    const auto kernels = framecast::kernels::nms_kernels(isa);
    for (std::size_t begin = 0; begin <= 130; begin += begin % 64 > 50 || begin % 64 < 3 ? 1 : 13) {
      for (std::size_t end = begin; end <= 150; ++end) {
        Blocks given(std::vector<Box>(150, Box{0, 0, 2, 2}));
        given.left[0] &= ~std::uint64_t{6};
        const std::vector<std::uint64_t> before = given.left;
        const bool near = end % 2 == 1;
        const std::size_t struck =
            near ? kernels.strike_near(given.blocks.data(), begin, end, 149, limit, {0x01010101u, 0x03020100u},
                                       given.left.data())
                 : kernels.strike_any(given.blocks.data(), begin, end, 149, limit, given.left.data());
        std::size_t expected = 0;
        for (std::size_t i = 0; i < 192; ++i) {
          const bool was = before[i / 64] >> i % 64 & 1, is = given.left[i / 64] >> i % 64 & 1;
          const bool between = i >= begin && i < end;
          CHECK(is == (was && !between));
          expected += was && between;
        }
        CHECK(struck == expected);
      }
    }
  }
}

TEST(kernels_look_at_no_box_outside_the_window_of_codes) {
  const framecast::kernels::OverlapLimit limit(0.5f);
  for (Isa isa : supported_isas()) {
    if (isa == Isa::scalar) continue;  // It looks at no codes.
    for (std::uint32_t byte = 0; byte < 4; ++byte) {
      for (std::uint32_t low : {0x00000000u, 0x04030201u, 0x05040302u, 0x04030101u}) {
        Blocks given(std::vector<Box>(64, Box{0, 0, 2, 2}));
        const std::uint32_t code = 0x04030201u >> 8 * byte & 255, least = low >> 8 * byte & 255;
        // The other bytes may be anything.
        const std::uint32_t others = ~(255u << 8 * byte);
        for (std::uint32_t span : {0u, 1u, 3u, 255u}) {
          Blocks blocks = given;
          const bool within = static_cast<std::uint8_t>(code - least) <= span;
          const std::size_t struck = framecast::kernels::nms_kernels(isa).strike_near(
              blocks.blocks.data(), 0, 64, 0, limit, {low & ~others, others | span << 8 * byte}, blocks.left.data());
          CHECK(struck == (within ? 64u : 0u));
        }
      }
    }
  }
}

TEST(kernels_agree_on_overlaps_next_to_the_threshold) {
  Random random(4);
  const float huge = 3e38f;
  for (int round = 0; round < 20000; ++round) {
    // Coarse numbers make exact ties, inverted and empty boxes; huge ones overflow, tiny ones underflow.
    const std::size_t kind = random.below(4);
    auto any = [&] {
      if (kind == 0) return static_cast<float>(random.below(5));
      if (kind == 1) return random.uniform(0, 1) * 1e-22f;
      if (kind == 2 && random.below(4) == 0) return -huge + huge * random.uniform(0, 2);
      return random.uniform(0, 1);
    };
    std::vector<Box> boxes(1 + random.below(40));
    for (Box& box : boxes) box = {any(), any(), any(), any()};
    const Blocks given(boxes);
    // The greatest IoU itself, and its neighbours, are the thresholds where a rounding would show.
    float threshold = 0;
    for (std::size_t i = 1; i < boxes.size(); ++i) {
      const float value = iou(boxes[i], boxes[0]);
      if (value > threshold && value <= 1) threshold = value;
    }
    for (float t : {threshold, std::nextafter(threshold, 0.0f), 0.0f, 0.5f}) {
      const framecast::kernels::OverlapLimit limit(t);
      Blocks expected = given;
      std::size_t count = 0;
      for (std::size_t i = 0; i < boxes.size(); ++i) {
        const bool over = iou(boxes[i], boxes[0]) > t;
        count += over;
        if (over) expected.left[0] ^= std::uint64_t{1} << i;
      }
      for (Isa isa : supported_isas()) {
        Blocks blocks = given;
        CHECK(framecast::kernels::nms_kernels(isa).strike_any(blocks.blocks.data(), 0, boxes.size(), 0, limit,
                                                              blocks.left.data()) == count);
        CHECK(blocks.left == expected.left);
      }
    }
  }
}

TEST(windows_of_codes_hold_every_box_that_overlaps_enough) {
  Random random(8);
  for (int round = 0; round < 200000; ++round) {
    const float at = round % 3 == 0 ? 0 : random.uniform(-1e5f, 1e5f);
    const float unit = std::exp2(random.uniform(-70, 20));
    auto near = [&](float value, float by) { return value + by * random.uniform(-1, 1); };
    const float extent = random.uniform(0.5f, 2) * unit;
    const Box a{at, at / 2, at + extent, at / 2 + random.uniform(0.1f, 9) * unit};
    const float by = extent * random.uniform(0, 1);
    const Box b{near(a.x1, by), near(a.y1, by), near(a.x2, by), near(a.y2, by)};
    const float area = (a.x2 - a.x1) * (a.y2 - a.y1), value = iou(a, b);
    if (!(a.x1 < a.x2 && a.y1 < a.y2 && value > 0)) continue;
    // The greatest threshold that the pair is above, and lower ones.
    const float thresholds[] = {std::nextafter(value, 0.0f), value * random.uniform(0, 1), 0};
    const float scale = std::exp2(random.uniform(-8, 12)) / unit, shift = random.uniform(-2, 2) * unit;
    const framecast::CodeFrame frame{framecast::Corners{at - shift, at / 2, at - shift, at / 2},
                                     framecast::Corners{} + scale};
    for (float threshold : thresholds) {
      if (!(threshold <= 1)) continue;
      const auto window = framecast::CodeWindows(threshold).around(a, area, frame);
      const std::uint32_t code = framecast::encode(framecast::Corners{b.x1, b.y1, b.x2, b.y2}, frame);
      for (int byte = 0; byte < 4; ++byte) {
        const auto of = [byte](std::uint32_t word) { return word >> 8 * byte & 255; };
        CHECK(of(window.low) <= of(code) && of(code) <= of(window.high));
      }
    }
  }
}

TEST(kernels_find_the_keys_above_and_write_no_further) {
  Random random(5);
  const float odd[] = {
      -0.0f, 0.0f, -2.0f, -1e-44f, std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()};
  for (std::size_t count = 0; count <= 70; ++count) {
    std::vector<float> scores(count + 1, 9);
    for (std::size_t i = 0; i < count; ++i) {
      scores[i] = random.below(3) == 0 ? odd[random.below(std::size(odd))] : static_cast<float>(random.below(4));
    }
    for (float threshold : {-std::numeric_limits<float>::infinity(), -1.0f, 1.0f, 3.0f}) {
      std::vector<std::size_t> rows;
      for (std::size_t i = 0; i < count; ++i) {
        if (scores[i] > threshold) rows.push_back(i);
      }
      for (Isa isa : supported_isas()) {
        std::vector<std::uint64_t> keys(count + 1, 77);
        const auto found =
            framecast::kernels::nms_kernels(isa).keys_above(scores.data(), count, threshold, keys.data());
        CHECK(keys.back() == 77);
        CHECK(found.count == rows.size());
        for (std::size_t k = 0; k < found.count; ++k) {
          const auto upper = static_cast<std::uint32_t>(keys[k] >> 32);
          CHECK(static_cast<std::uint32_t>(keys[k]) == rows[k]);
          CHECK(found.lowest <= upper && upper <= found.highest);
          for (std::size_t other = 0; other < k; ++other) {
            const auto before = static_cast<std::uint32_t>(keys[other] >> 32);
            CHECK((before < upper) == (scores[rows[other]] > scores[rows[k]]));
            CHECK((before == upper) == (scores[rows[other]] == scores[rows[k]]));
          }
        }
      }
    }
  }
}

TEST(order_of_scores_is_that_of_a_stable_sort) {
  Random random(10);
  framecast::ScoreOrder order;
  for (std::size_t round = 0; round < 300; ++round) {
    const std::size_t count = 1 + random.below(round % 10 == 0 ? 5000 : 300), kind = random.below(5);
    std::uint64_t* keys = order.room(count);
    std::uint32_t lowest = ~0u, highest = 0;
    for (std::size_t i = 0; i < count; ++i) {
      auto upper = static_cast<std::uint32_t>(random.bits());
      if (kind == 0) upper %= 7;
      if (kind == 1) upper = random.below(100) == 0 ? upper : 1'000'000 + upper % 1000;  // Most in one bucket.
      if (kind == 2) upper = static_cast<std::uint32_t>(count - i);
      if (kind == 3) upper = 5;
      lowest = std::min(lowest, upper);
      highest = std::max(highest, upper);
      keys[i] = std::uint64_t{upper} << 32 | i;
    }
    std::vector<std::uint64_t> expected(keys, keys + count);
    std::sort(expected.begin(), expected.end());
    order.arrange(count, lowest, highest);
    for (std::size_t at = 0; at < count;) {
      const std::size_t sorted = order.sort_from(at);
      CHECK(sorted > at && sorted <= count);
      if (sorted <= at) break;
      at = sorted;
    }
    CHECK(std::equal(expected.begin(), expected.end(), order.keys()));
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
  framecast::NmsSettings tables = settings;
  const float floors[] = {0.5f, std::numeric_limits<float>::quiet_NaN()};
  const std::uint8_t allowed[] = {1, 1};
  tables.class_count = 2;
  tables.class_score_thresholds = floors;
  CHECK_REFUSES("class_score_thresholds",
                framecast::nms({boxes, scores, classes, splits}, tables, keep, keep_splits, workspace));
  tables.class_score_thresholds = {};
  tables.class_filter = {allowed, 1};
  CHECK_REFUSES("class_filter", framecast::nms({boxes, scores, classes, splits}, tables, keep, keep_splits, workspace));
  tables.class_filter = allowed;
  const std::vector<std::int32_t> outside{0, 2}, below{-1, 0};
  CHECK_REFUSES("classes", framecast::nms({boxes, scores, outside, splits}, tables, keep, keep_splits, workspace));
  CHECK_REFUSES("classes", framecast::nms({boxes, scores, below, splits}, tables, keep, keep_splits, workspace));
  framecast::NmsSettings counts = settings;
  counts.max_candidates = below;
  CHECK_REFUSES("max_candidates",
                framecast::nms({boxes, scores, classes, splits}, counts, keep, keep_splits, workspace));
  const std::int32_t negative = -1;
  counts.max_candidates = {};
  counts.max_per_class = {&negative, 1};
  CHECK_REFUSES("max_per_class",
                framecast::nms({boxes, scores, classes, splits}, counts, keep, keep_splits, workspace));
  CHECK_REFUSES("iou_thresholds",
                framecast::nms({boxes, scores, classes, splits}, {{&two, 1}, {&half, 1}, {&limit, 1}, {&flag, 1}}, keep,
                               keep_splits, workspace));
}
