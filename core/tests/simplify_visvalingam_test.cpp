#include "framecast/simplify_visvalingam.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <stdexcept>

#include "allocations.h"
#include "check.h"
#include "random.h"

using framecast::Point;
using framecast::VisvalingamWorkspace;

namespace {

struct Rings {
  std::vector<Point> points;
  std::vector<std::int64_t> splits{0};
  std::vector<float> min_areas;
  std::vector<std::int32_t> max_points;

  void add(const std::vector<Point>& ring, float min_area, std::int32_t most) {
    points.insert(points.end(), ring.begin(), ring.end());
    splits.push_back(static_cast<std::int64_t>(points.size()));
    min_areas.push_back(min_area);
    max_points.push_back(most);
  }
};

struct Simplified {
  std::vector<Point> points;
  std::vector<std::int64_t> splits;
};

void simplify(const Rings& rings, Simplified& out, VisvalingamWorkspace& workspace,
              framecast::ThreadPool* pool = nullptr) {
  framecast::simplify_visvalingam(rings.points, rings.splits, rings.min_areas, rings.max_points, out.points, out.splits,
                                  workspace, pool);
}

std::vector<Point> simplify(const std::vector<Point>& ring, float min_area, std::int32_t most = 0) {
  static VisvalingamWorkspace workspace;
  Rings rings;
  rings.add(ring, min_area, most);
  Simplified out;
  simplify(rings, out, workspace);
  return out.points;
}

double area(const Point& a, const Point& b, const Point& c) {
  const double bx = static_cast<double>(b.x) - a.x, by = static_cast<double>(b.y) - a.y;
  const double cx = static_cast<double>(c.x) - a.x, cy = static_cast<double>(c.y) - a.y;
  return std::fabs(bx * cy - by * cx) / 2;
}

/// The definition as it is stated: all triangles anew for each point that goes.
std::vector<Point> simplify_plainly(std::vector<Point> ring, double min_area, std::size_t most) {
  double last = 0;
  while (ring.size() > 3) {
    const std::size_t count = ring.size();
    std::size_t found = 0;
    double least = std::numeric_limits<double>::infinity();
    for (std::size_t i = 0; i < count; ++i) {
      const double effective = std::max(last, area(ring[(i + count - 1) % count], ring[i], ring[(i + 1) % count]));
      if (effective < least) least = effective, found = i;
    }
    if (least >= min_area && (most == 0 || count <= most)) break;
    last = least;
    ring.erase(ring.begin() + static_cast<std::ptrdiff_t>(found));
  }
  return ring;
}

std::vector<Point> wavy(Random& random, std::size_t count, bool whole) {
  std::vector<Point> ring;
  double radius = 90;
  for (std::size_t i = 0; i < count; ++i) {
    const double angle = 2 * std::numbers::pi * static_cast<double>(i) / static_cast<double>(count);
    radius += random.uniform(-2, 2);
    Point point{static_cast<float>(300 + radius * std::cos(angle)), static_cast<float>(300 + radius * std::sin(angle))};
    if (whole) point = {std::round(point.x), std::round(point.y)};
    ring.push_back(point);
  }
  return ring;
}

}  // namespace

TEST(keeps_what_the_plain_definition_keeps) {
  Random random(5);
  for (int round = 0; round < 1500; ++round) {
    const std::size_t count = random.below(round % 20 == 0 ? 400 : 60);
    std::vector<Point> ring = wavy(random, count, round % 2 == 0);
    const int kind = round % 5;
    for (Point& point : ring) {  // A coarse grid makes ties; others are far too large or too small for their areas.
      const float size = kind == 2 ? 1.7e38f : 1e-30f;
      if (kind == 1) point = {static_cast<float>(random.below(5)), static_cast<float>(random.below(5))};
      if (kind == 2 || kind == 3) point = {random.uniform(-size, size), random.uniform(-size, size)};
    }
    const float limits[] = {0, random.uniform(0, 3), random.uniform(0, 300), std::numeric_limits<float>::max()};
    const float min_area = limits[random.below(4)];
    const auto most = static_cast<std::int32_t>(random.below(2) == 0 ? 0 : 3 + random.below(count + 2));
    CHECK(simplify(ring, min_area, most) == simplify_plainly(ring, min_area, static_cast<std::size_t>(most)));
  }
}

TEST(a_triangle_just_as_large_as_the_limit_stays) {
  const std::vector<Point> ring{{0, 0}, {2, 1}, {4, 0}, {4, 9}, {0, 9}};  // Its second point makes an area of 2.
  CHECK(simplify(ring, 2) == ring);
  const std::vector<Point> square{{0, 0}, {4, 0}, {4, 9}, {0, 9}};
  CHECK(simplify(ring, std::nextafter(2.0f, 3.0f)) == square);
}

TEST(the_limit_of_points_holds_whatever_the_areas) {
  Random random(6);
  const std::vector<Point> ring = wavy(random, 100, false);
  for (const std::int32_t most : {3, 4, 50, 99, 100, 101}) {
    CHECK(simplify(ring, 0, most).size() == static_cast<std::size_t>(std::min(most, 100)));
  }
}

TEST(of_flat_rings_the_last_three_points_stay) {
  std::vector<Point> line;
  for (int i = 0; i < 9; ++i) line.push_back({static_cast<float>(i), static_cast<float>(2 * i)});
  const std::vector<Point> end(line.end() - 3, line.end()), same(9, {1, 2});
  CHECK(simplify(line, 1e-9f) == end);
  CHECK(simplify(line, 0) == line);
  CHECK(simplify(same, 1e-9f) == std::vector<Point>(3, {1, 2}));
  CHECK(simplify(same, 0, 4) == std::vector<Point>(4, {1, 2}));
}

TEST(rings_of_three_points_or_fewer_are_returned_as_they_are) {
  for (std::size_t count = 0; count <= 3; ++count) {
    const std::vector<Point> ring(count, {1, 1});
    CHECK(simplify(ring, 1e9f, 3) == ring);
  }
}

TEST(rings_of_a_million_points_take_no_deep_stack_nor_quadratic_time) {
  std::vector<Point> spiral, comb;
  for (int i = 0; i < 1000000; ++i) {
    const double turn = i / 500.0;
    spiral.push_back({static_cast<float>(turn * std::cos(turn)), static_cast<float>(turn * std::sin(turn))});
    comb.push_back({static_cast<float>(i), i % 2 == 0 ? 0.0f : static_cast<float>(i)});
  }
  for (const auto& ring : {spiral, comb}) {
    CHECK(simplify(ring, std::numeric_limits<float>::max()).size() == 3);
    CHECK(simplify(ring, 0, 1000).size() == 1000);
  }
}

TEST(a_pool_changes_no_bit_and_the_steady_state_allocates_nothing) {
  Random random(8);
  Rings rings;
  for (int r = 0; r < 300; ++r) {
    rings.add(wavy(random, random.below(200), r % 2 == 0), random.uniform(0, 9), r % 3 == 0 ? 12 : 0);
  }
  VisvalingamWorkspace workspace, pooled;
  framecast::ThreadPool pool(3);
  Simplified alone, together;
  auto call = [&] { simplify(rings, alone, workspace); };
  call();
  CHECK(allocations_of(call) == 0);
  for (int round = 0; round < 20; ++round) {
    simplify(rings, together, pooled, &pool);
    CHECK(together.points == alone.points && together.splits == alone.splits);
  }
  std::vector<Point> joined;
  for (std::size_t r = 0; r < rings.min_areas.size(); ++r) {
    const std::vector<Point> ring(rings.points.begin() + rings.splits[r], rings.points.begin() + rings.splits[r + 1]);
    const auto one = simplify(ring, rings.min_areas[r], rings.max_points[r]);
    joined.insert(joined.end(), one.begin(), one.end());
    CHECK(alone.splits[r + 1] == static_cast<std::int64_t>(joined.size()));
  }
  CHECK(joined == alone.points);
}

TEST(refuses_what_does_not_fit) {
  VisvalingamWorkspace workspace;
  Simplified out;
  auto call = [&](const std::vector<Point>& points, std::int64_t end, const std::vector<float>& min_areas,
                  const std::vector<std::int32_t>& max_points) {
    const std::int64_t splits[] = {0, end};
    framecast::simplify_visvalingam(points, splits, min_areas, max_points, out.points, out.splits, workspace);
  };
  const std::vector<Point> ring(4), bad(4, {0, std::numeric_limits<float>::infinity()});
  CHECK_REFUSES("ring_splits", call(ring, 3, {1}, {}));
  CHECK_REFUSES("min_areas", call(ring, 4, {1, 1}, {}));
  CHECK_REFUSES("min_areas", call(ring, 4, {-1}, {}));
  CHECK_REFUSES("min_areas", call(ring, 4, {std::numeric_limits<float>::infinity()}, {}));
  CHECK_REFUSES("max_points", call(ring, 4, {1}, {3, 3}));
  CHECK_REFUSES("max_points", call(ring, 4, {1}, {2}));
  CHECK_REFUSES("max_points", call(ring, 4, {1}, {-1}));
  CHECK_REFUSES("points", call(bad, 4, {1}, {}));
}
