#include "framecast/nms_rotated.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numbers>
#include <numeric>
#include <stdexcept>

#include "allocations.h"
#include "check.h"
#include "kernels/nms_rotated.h"
#include "random.h"

using framecast::Isa;
using framecast::OrientedBox;
using framecast::RotatedBox;
using framecast::RotatedNmsWorkspace;

namespace {

struct Image {
  std::vector<RotatedBox> boxes;
  std::vector<float> scores;
  std::vector<std::int32_t> classes;
};

RotatedBox random_box(Random& random) {
  return {random.uniform(0, 60), random.uniform(0, 60), random.uniform(1, 40), random.uniform(1, 12),
          random.uniform(-7, 7)};
}

Image random_image(Random& random, std::size_t count, std::size_t classes) {
  Image image;
  for (std::size_t i = 0; i < count; ++i) {
    RotatedBox box = random_box(random);
    if (i > 0 && random.below(2) == 1) {  // A neighbour of one that is there.
      box = image.boxes[random.below(i)];
      box.cx += random.uniform(-2, 2);
      box.angle += random.uniform(-0.1f, 0.1f);
    }
    if (random.below(30) == 0) box.width = -box.width;
    if (random.below(30) == 0) box.height = 0;
    image.boxes.push_back(box);
    image.scores.push_back(static_cast<float>(random.below(50)) / 50);
    image.classes.push_back(static_cast<std::int32_t>(random.below(classes)));
  }
  return image;
}

struct Corner {
  long double x, y;
};

std::vector<Corner> corners(const RotatedBox& box) {
  const long double c = std::cos(static_cast<long double>(box.angle)),
                    s = std::sin(static_cast<long double>(box.angle));
  std::vector<Corner> all;
  for (auto [sx, sy] : {std::pair{1, 1}, {-1, 1}, {-1, -1}, {1, -1}}) {
    const long double x = sx * static_cast<long double>(box.width) / 2,
                      y = sy * static_cast<long double>(box.height) / 2;
    all.push_back({box.cx + x * c - y * s, box.cy + x * s + y * c});
  }
  return all;
}

/// Sutherland and Hodgman's clipping, corner by corner: another way than the kernel's.
long double clipped_area(const RotatedBox& a, const RotatedBox& b) {
  std::vector<Corner> polygon = corners(b);
  const std::vector<Corner> clip = corners(a);
  for (std::size_t e = 0; e < 4 && !polygon.empty(); ++e) {
    const Corner from = clip[e], to = clip[(e + 1) % 4];
    auto side = [&](const Corner& p) { return (to.x - from.x) * (p.y - from.y) - (to.y - from.y) * (p.x - from.x); };
    std::vector<Corner> inside;
    for (std::size_t i = 0; i < polygon.size(); ++i) {
      const Corner p = polygon[i], q = polygon[(i + 1) % polygon.size()];
      const long double at_p = side(p), at_q = side(q);
      if (at_p >= 0) inside.push_back(p);
      if ((at_p >= 0) != (at_q >= 0)) {
        const long double t = at_p / (at_p - at_q);
        inside.push_back({p.x + t * (q.x - p.x), p.y + t * (q.y - p.y)});
      }
    }
    polygon = inside;
  }
  long double twice = 0;
  for (std::size_t i = 0; i < polygon.size(); ++i) {
    const Corner p = polygon[i], q = polygon[(i + 1) % polygon.size()];
    twice += p.x * q.y - p.y * q.x;
  }
  return std::abs(twice) / 2;
}

bool has_area(const RotatedBox& box) { return box.width > 0 && box.height > 0; }

double plain_iou(const RotatedBox& a, const RotatedBox& b) {
  if (!has_area(a) || !has_area(b)) return 0;
  const long double inter = clipped_area(a, b);
  const long double areas = static_cast<long double>(a.width) * a.height + static_cast<long double>(b.width) * b.height;
  return static_cast<double>(inter / (areas - inter));
}

OrientedBox oriented(const RotatedBox& box) {
  return {box.cx,
          box.cy,
          std::cos(static_cast<double>(box.angle)),
          std::sin(static_cast<double>(box.angle)),
          box.width / 2.0,
          box.height / 2.0,
          static_cast<double>(box.width) * box.height};
}

std::vector<std::int64_t> run(const Image& image, float iou, float score, std::int32_t limit, bool agnostic,
                              RotatedNmsWorkspace& workspace) {
  const std::int64_t splits[] = {0, static_cast<std::int64_t>(image.boxes.size())};
  const std::uint8_t flag = agnostic;
  std::vector<std::int64_t> keep(image.boxes.size());
  std::int64_t keep_splits[2];
  const std::size_t kept =
      framecast::nms_rotated({image.boxes, image.scores, image.classes, splits},
                             {{&iou, 1}, {&score, 1}, {&limit, 1}, {&flag, 1}}, keep, keep_splits, workspace);
  CHECK(keep_splits[0] == 0 && keep_splits[1] == static_cast<std::int64_t>(kept));
  keep.resize(kept);
  return keep;
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
             plain_iou(at(image.boxes, k), at(image.boxes, i)) > threshold;
    });
    if (!suppressed) keep.push_back(i);
  }
  if (keep.size() > limit) keep.resize(limit);
  return keep;
}

double area_of(const RotatedBox& a, const RotatedBox& b, Isa isa) {
  const OrientedBox first = oriented(a), second = oriented(b);
  return framecast::kernels::nms_rotated_kernels(isa).overlap_area(first, second,
                                                                   framecast::kernels::relative(first, second));
}

std::vector<Isa> supported_isas() {
  std::vector<Isa> all;
  for (Isa isa : {Isa::scalar, Isa::neon, Isa::avx2, Isa::avx512}) {
    if (framecast::is_supported(isa)) all.push_back(isa);
  }
  return all;
}

}  // namespace

TEST(the_overlap_is_that_of_the_clipped_polygons) {
  Random random(1);
  for (int round = 0; round < 20000; ++round) {
    RotatedBox a = random_box(random), b = random_box(random);
    if (random.below(4) == 0) b.angle = a.angle;
    if (random.below(4) == 0) a.angle = b.angle = 0;
    if (random.below(4) == 0) b.cx = a.cx, b.cy = a.cy;
    const double expected = static_cast<double>(clipped_area(a, b));
    CHECK(std::abs(area_of(a, b, Isa::scalar) - expected) < 1e-11 * (1 + expected));
    CHECK(std::abs(area_of(b, a, Isa::scalar) - expected) < 1e-11 * (1 + expected));
  }
}

TEST(known_overlaps) {
  const float eighth = std::numbers::pi_v<float> / 4;
  // A square and itself turned by 45 degrees share a regular octagon.
  CHECK(std::abs(area_of({5, 5, 2, 2, 0}, {5, 5, 2, 2, eighth}, Isa::scalar) - 8 * (std::sqrt(2.0) - 1)) < 1e-6);
  CHECK(area_of({0, 0, 4, 2, 0}, {2, 1, 4, 2, 0}, Isa::scalar) == 2);
  CHECK(area_of({0, 0, 4, 2, 0}, {4, 0, 4, 2, 0}, Isa::scalar) == 0);
  CHECK(area_of({0, 0, 4, 2, 0.3f}, {0, 0, 4, 2, 0.3f}, Isa::scalar) <= 8);
  // Angles turn x towards y: this bar leans along the diagonal y = x, where it covers the square there.
  CHECK(std::abs(area_of({0, 0, 40, 2, eighth}, {10, 10, 1, 1, 0}, Isa::scalar) - 1) < 1e-5);
  CHECK(area_of({0, 0, 40, 2, eighth}, {10, -10, 1, 1, 0}, Isa::scalar) == 0);
}

TEST(equals_the_definition) {
  Random random(2);
  RotatedNmsWorkspace workspace;
  for (std::size_t round = 0; round < 150; ++round) {
    const Image image = random_image(random, random.below(200), 1 + random.below(4));
    const float threshold = round % 10 == 0 ? 0 : random.uniform(0, 1), score = random.uniform(-0.1f, 0.5f);
    const std::size_t limit = random.below(100);
    const bool agnostic = random.below(2) == 1;
    CHECK(run(image, threshold, score, static_cast<std::int32_t>(limit), agnostic, workspace) ==
          plain(image, threshold, score, limit, agnostic));
  }
}

TEST(odd_rows_have_their_result) {
  RotatedNmsWorkspace workspace;
  const float nan = std::numeric_limits<float>::quiet_NaN(), inf = std::numeric_limits<float>::infinity();
  const Image image{{{0, 0, 4, 4, 0},
                     {0, 0, 4, 4, nan},
                     {0, inf, 4, 4, 0},
                     {0, 0, 4, -4, 0},
                     {0, 0, 0, 4, 1},
                     {0, 0, 4, 4, 0},
                     {0, 0, 4, 4, 1e30f},
                     {0, 0, 3e38f, 3e38f, 0.5f},
                     {3e38f, -3e38f, 3e38f, 3e38f, 0.7f},
                     {0, 0, 1e-40f, 1e-40f, 0.7f}},
                    {0.5f, 0.9f, 0.9f, 0.4f, 0.3f, nan, 0.2f, 0.1f, 0.05f, 0.01f},
                    std::vector<std::int32_t>(10, 0)};
  // Two equal squares about one centre overlap by 0.7 at least, whatever their angles.
  CHECK((run(image, 0.5f, 0, 100, false, workspace) == std::vector<std::int64_t>{0, 3, 4, 7, 8, 9}));
  // Any IoU above 0 suppresses, were it ever so small.
  CHECK((run(image, 0, 0, 100, false, workspace) == std::vector<std::int64_t>{0, 3, 4, 8}));
}

TEST(identical_boxes_have_an_iou_of_one_at_most) {
  Random random(3);
  RotatedNmsWorkspace workspace;
  for (int round = 0; round < 500; ++round) {
    const RotatedBox box = random_box(random);
    const Image image{{box, box, box}, {3, 2, 1}, {0, 0, 0}};
    CHECK(run(image, 1, 0, 9, false, workspace).size() == 3);
    CHECK(run(image, 0.999999f, 0, 9, false, workspace).size() == 1);
  }
}

TEST(a_reused_workspace_no_longer_allocates) {
  Random random(4);
  RotatedNmsWorkspace workspace;
  const Image image = random_image(random, 500, 3);
  const std::int64_t splits[] = {0, 500};
  const float half = 0.5f, floor = 0;
  const std::int32_t limit = 500;
  const std::uint8_t agnostic = 0;
  std::vector<std::int64_t> keep(500), keep_splits(2);
  auto call = [&] {
    framecast::nms_rotated({image.boxes, image.scores, image.classes, splits},
                           {{&half, 1}, {&floor, 1}, {&limit, 1}, {&agnostic, 1}}, keep, keep_splits, workspace);
  };
  call();
  CHECK(allocations_of(call) == 0);
}

TEST(a_pool_changes_nothing) {
  Random random(5);
  framecast::ThreadPool pool(3);
  RotatedNmsWorkspace alone, shared;
  for (std::size_t round = 0; round < 20; ++round) {
    const Image image = random_image(random, 300, 3);
    const std::vector<std::int64_t> splits{0, 20, 20, 150, 151, 300};
    const std::vector<float> ious{0.4f, 0.1f, 0.5f, 0, 0.7f}, floors(5, 0.1f);
    const std::vector<std::int32_t> limits{5, 9, 400, 1, 100};
    const std::vector<std::uint8_t> agnostic{0, 0, 1, 0, 0};
    std::vector<std::int64_t> keep(300), other_keep(300), keep_splits(6), other_splits(6);
    auto call = [&](auto& rows, auto& row_splits, RotatedNmsWorkspace& workspace, framecast::ThreadPool* threads) {
      rows.resize(framecast::nms_rotated({image.boxes, image.scores, image.classes, splits},
                                         {ious, floors, limits, agnostic}, rows, row_splits, workspace, threads));
    };
    call(keep, keep_splits, alone, nullptr);
    call(other_keep, other_splits, shared, &pool);
    CHECK(keep == other_keep && keep_splits == other_splits);
  }
}

TEST(kernels_agree_to_the_bit) {
  Random random(6);
  const float odd[] = {0, 1e-40f, 3e38f, 1, std::numbers::pi_v<float> / 2, -3e38f, 1e-20f};
  for (int round = 0; round < 20000; ++round) {
    auto number = [&](float value) { return random.below(30) == 0 ? odd[random.below(std::size(odd))] : value; };
    auto any = [&] {
      const RotatedBox box = random_box(random);
      return RotatedBox{number(box.cx), number(box.cy), std::abs(number(box.width)), std::abs(number(box.height)),
                        number(box.angle)};
    };
    const RotatedBox a = any(), b = random.below(9) == 0 ? a : any();
    const double expected = area_of(a, b, Isa::scalar);
    CHECK(expected >= 0);
    for (Isa isa : supported_isas()) {
      const double area = area_of(a, b, isa);
      CHECK(std::memcmp(&area, &expected, sizeof(area)) == 0);
    }
  }
}

TEST(kernels_find_the_bounds_that_overlap_and_read_no_further) {
  Random random(7);
  const float nan = std::numeric_limits<float>::quiet_NaN(), inf = std::numeric_limits<float>::infinity();
  for (std::size_t count = 0; count <= 140; ++count) {
    const std::size_t shift = random.below(4);
    std::vector<float> columns[5];
    for (auto& column : columns) column.assign(shift + count + 16, nan);
    auto at = [&](std::size_t c) { return columns[c].data() + shift; };
    for (std::size_t i = 0; i < count; ++i) {
      for (std::size_t axis = 0; axis < 2; ++axis) {
        at(axis)[i] = random.below(20) == 0 ? -inf : random.uniform(0, 20);
        at(axis + 2)[i] = random.below(20) == 0 ? inf : at(axis)[i] + random.uniform(0, 20);
      }
      at(4)[i] = random.below(20) == 0 ? 1e38f : random.uniform(0, 100);
    }
    const framecast::kernels::BoxColumns kept{at(0), at(1), at(2), at(3), at(4), count};
    for (float share : {0.0f, 0.1f, 0.33f}) {
      for (std::size_t begin = 0; begin < count; begin += 64) {
        const framecast::Box bounds{5, 5, 15, random.uniform(5, 30)};
        const std::uint64_t expected = framecast::kernels::may_overlap_scalar(kept, begin, bounds, 50, share);
        for (Isa isa : supported_isas()) {
          CHECK(framecast::kernels::nms_rotated_kernels(isa).may_overlap(kept, begin, bounds, 50, share) == expected);
        }
      }
    }
  }
}

TEST(refuses_what_does_not_fit) {
  RotatedNmsWorkspace workspace;
  const std::vector<RotatedBox> boxes(2);
  const std::vector<float> scores(2), one_score(1);
  const std::vector<std::int32_t> classes(2);
  const std::int64_t splits[] = {0, 2}, falling[] = {0, 3, 2};
  const float half = 0.5f, two = 2;
  const std::int32_t limit = 1;
  const std::uint8_t flag = 0;
  std::vector<std::int64_t> keep(2), keep_splits(2), short_keep(1);
  const framecast::NmsSettings settings{{&half, 1}, {&half, 1}, {&limit, 1}, {&flag, 1}};
  CHECK_REFUSES("scores",
                framecast::nms_rotated({boxes, one_score, classes, splits}, settings, keep, keep_splits, workspace));
  CHECK_REFUSES("splits",
                framecast::nms_rotated({boxes, scores, classes, falling}, settings, keep, keep_splits, workspace));
  CHECK_REFUSES("keep",
                framecast::nms_rotated({boxes, scores, classes, splits}, settings, short_keep, keep_splits, workspace));
  CHECK_REFUSES("iou_thresholds",
                framecast::nms_rotated({boxes, scores, classes, splits},
                                       {{&two, 1}, {&half, 1}, {&limit, 1}, {&flag, 1}}, keep, keep_splits, workspace));
}
