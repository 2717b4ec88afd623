#include "framecast/simplify_polygons.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <stdexcept>

#include "allocations.h"
#include "check.h"
#include "framecast/masks_to_polygons.h"
#include "polygon_refiner.h"
#include "random.h"
#include "ring_topology.h"

using framecast::Point;

namespace {

struct Rings {
  std::vector<Point> points;
  std::vector<std::int64_t> splits{0};

  void add(const std::vector<Point>& ring) {
    points.insert(points.end(), ring.begin(), ring.end());
    splits.push_back(static_cast<std::int64_t>(points.size()));
  }
  std::size_t count() const { return splits.size() - 1; }
  std::size_t size(std::size_t ring) const { return static_cast<std::size_t>(splits[ring + 1] - splits[ring]); }
  bool is_valid() const {
    std::vector<std::uint8_t> bad(count(), 0);
    framecast::RingTopology topology;
    topology.load(points, splits);
    topology.mark_conflicts(bad);
    return std::count(bad.begin(), bad.end(), 1) == 0;
  }
  double doubled_area(std::size_t ring) const {
    double sum = 0;
    for (std::size_t i = 0; i < size(ring); ++i) {
      const Point& a = points[static_cast<std::size_t>(splits[ring]) + i];
      const Point& b = points[static_cast<std::size_t>(splits[ring]) + (i + 1) % size(ring)];
      sum += static_cast<double>(a.x) * b.y - static_cast<double>(b.x) * a.y;
    }
    return sum;
  }
};

Rings simplify(const Rings& rings, float epsilon) {
  framecast::SimplifyPolygonsWorkspace workspace;
  const std::vector<float> epsilons(rings.count(), epsilon);
  const std::int64_t polygons[] = {0, static_cast<std::int64_t>(rings.count())};
  Rings out;
  framecast::simplify_polygons(rings.points, rings.splits, polygons, epsilons, out.points, out.splits, workspace);
  return out;
}

/// A ring around a centre whose radius wobbles; `inwards` makes it a hole.
std::vector<Point> wobbly(Random& random, double x, double y, double radius, double wobble, std::size_t count,
                          bool inwards) {
  std::vector<Point> ring;
  for (std::size_t i = 0; i < count; ++i) {
    const double angle = 2 * std::numbers::pi * static_cast<double>(i) / static_cast<double>(count);
    const double r = radius + random.uniform(-1, 1) * wobble;
    ring.push_back({static_cast<float>(x + r * std::cos(angle)), static_cast<float>(y + r * std::sin(angle))});
  }
  if (inwards) std::reverse(ring.begin(), ring.end());
  return ring;
}

}  // namespace

TEST(narrow_rings_one_in_the_other_stay_apart) {
  Random random(1);
  std::size_t before = 0, after = 0, alone = 0;
  for (int round = 0; round < 200; ++round) {
    // Epsilon is wider than what lies between neighbours, so that each ring alone would cross the next.
    Rings rings;
    const double x = random.uniform(-1e4f, 1e4f);
    for (int r = 0; r < 4; ++r) rings.add(wobbly(random, x, 70, 100 - 7 * r, 3, 60 + random.below(200), r % 2 == 1));
    if (!rings.is_valid()) continue;
    const float epsilon = random.uniform(2, 40);
    const Rings out = simplify(rings, epsilon);
    CHECK(out.count() == rings.count() && out.is_valid());
    for (std::size_t r = 0; r < out.count(); ++r) {
      CHECK(out.size(r) >= 3);
      CHECK((out.doubled_area(r) > 0) == (rings.doubled_area(r) > 0));
      if (r > 0) CHECK(std::fabs(out.doubled_area(r)) < std::fabs(out.doubled_area(r - 1)));
    }
    before += rings.points.size();
    after += out.points.size();
    for (std::size_t r = 0; r < rings.count(); ++r) {
      Rings one;
      one.add({rings.points.begin() + rings.splits[r], rings.points.begin() + rings.splits[r + 1]});
      alone += simplify(one, epsilon).points.size();
    }
  }
  CHECK(before > 50000);
  CHECK(after < before / 2);  // They keep more than each alone would, and yet not everything.
  CHECK(after > alone);
}

TEST(no_ring_passes_over_a_small_one) {
  // A dent of the large ring, in which a small one lies: the chord over the dent crosses nothing.
  const std::vector<Point> small = {{48, 4}, {52, 4}, {50, 6}};
  const std::vector<Point> dented = {{0, 0}, {40, 0}, {45, 9}, {55, 9}, {60, 0}, {100, 0}, {100, 90}, {0, 90}};
  Rings rings;
  rings.add(dented);
  rings.add(small);
  const Rings out = simplify(rings, 10);
  CHECK(out.size(0) > 4);
  CHECK(out.is_valid());
  const Point at = small[0];
  bool inside = false;
  for (std::size_t i = 0; i < out.size(0); ++i) {
    const Point& a = out.points[i];
    const Point& b = out.points[(i + 1) % out.size(0)];
    if ((a.y > at.y) != (b.y > at.y) && a.x + (at.y - a.y) * (b.x - a.x) / (b.y - a.y) > at.x) inside = !inside;
  }
  CHECK(!inside);
  Rings alone;
  alone.add(dented);
  CHECK(simplify(alone, 10).size(0) == 4);
}

TEST(repeated_points_count_once_and_small_rings_stay) {
  Rings rings;
  rings.add({{0, 0}, {0, 0}, {9, 0}, {9, 9}, {9, 9}, {9, 9}, {0, 9}, {0, 0}, {0, 0}});
  rings.add({});
  rings.add({{20, 20}, {20, 20}});
  rings.add({{30, 30}, {40, 30}, {30, 40}});
  const Rings out = simplify(rings, 0.5f);
  CHECK((out.splits == std::vector<std::int64_t>{0, 4, 4, 5, 8}));
}

TEST(what_crosses_in_the_input_crosses_only_there) {
  Random random(4);
  for (int round = 0; round < 100; ++round) {
    Rings rings;
    for (std::size_t r = 0; r < 1 + random.below(3); ++r) {
      std::vector<Point> ring(3 + random.below(40));
      for (Point& point : ring) {
        point = {static_cast<float>(random.below(30)), static_cast<float>(random.below(30))};
      }
      rings.add(ring);
    }
    const Rings out = simplify(rings, random.uniform(0, 9));
    // Every edge that crosses another is one of the input, or all of it came back.
    auto is_edge = [&rings](std::size_t ring, const Point& a, const Point& b) {
      for (std::size_t i = 0; i < rings.size(ring); ++i) {
        const Point* points = rings.points.data() + rings.splits[ring];
        if (points[i] == a && points[(i + 1) % rings.size(ring)] == b) return true;
      }
      return false;
    };
    for (std::size_t s = 0; s < out.count(); ++s) {
      for (std::size_t t = 0; t < out.count(); ++t) {
        for (std::size_t i = 0; i < out.size(s); ++i) {
          for (std::size_t j = 0; j < out.size(t); ++j) {
            const Point* ps = out.points.data() + out.splits[s];
            const Point* pt = out.points.data() + out.splits[t];
            const Point &a = ps[i], &b = ps[(i + 1) % out.size(s)], &c = pt[j], &d = pt[(j + 1) % out.size(t)];
            const bool cross = framecast::orientation(a, b, c) * framecast::orientation(a, b, d) < 0 &&
                               framecast::orientation(c, d, a) * framecast::orientation(c, d, b) < 0;
            if (cross) CHECK(is_edge(s, a, b) && is_edge(t, c, d));
          }
        }
      }
    }
  }
}

TEST(worst_cases_are_bounded) {
  // A comb whose teeth stand closer than epsilon, a strip that winds around itself, and points in any order.
  std::vector<Rings> families(3);
  std::vector<Point> comb, strip, any;
  Random random(6);
  for (int i = 0; i < 12500; ++i) {
    const auto x = static_cast<float>(4 * i);
    for (const Point& p : {Point{x, 0}, Point{x + 1, 5000}, Point{x + 2, 5000}, Point{x + 3, 0}}) comb.push_back(p);
  }
  comb.front().y = comb.back().y = -1;
  for (int side = 0; side < 2; ++side) {
    for (int k = 0; k < 10000; ++k) {
      const double turn = (side == 0 ? k : 9999 - k) / 250.0, radius = 100 * (turn + 1) + 40 * side;
      strip.push_back({static_cast<float>(radius * std::cos(2 * std::numbers::pi * turn)),
                       static_cast<float>(radius * std::sin(2 * std::numbers::pi * turn))});
    }
  }
  for (int i = 0; i < 3000; ++i) any.push_back({random.uniform(-9, 9), random.uniform(-9, 9)});
  families[0].add(comb);
  families[1].add(strip);
  families[2].add(any);
  for (const Rings& rings : families) {
    for (const float epsilon : {3.0f, 60.0f}) {
      framecast::PolygonRefiner refiner;
      CHECK(refiner.run(rings.points, rings.splits, {&epsilon, 1}));
      CHECK(refiner.work() < 2 * ((std::size_t{1} << 20) + 1024 * rings.points.size()));
      std::vector<Point> out(rings.points.size());
      Rings result;
      out.resize(refiner.write(0, out.data()));
      result.add(out);
      CHECK(result.is_valid() || !rings.is_valid());
    }
  }
}

TEST(a_pool_changes_no_bit_and_the_steady_state_allocates_nothing) {
  Random random(8);
  Rings rings;
  std::vector<std::int64_t> polygons{0};
  std::vector<float> epsilons;
  for (int p = 0; p < 60; ++p) {
    const std::size_t count = random.below(4);
    for (std::size_t r = 0; r < count; ++r) {
      rings.add(wobbly(random, 0, 0, 90 - 9 * static_cast<double>(r), 4, 20 + random.below(90), r % 2 == 1));
      epsilons.push_back(random.uniform(0, 12));
    }
    polygons.push_back(static_cast<std::int64_t>(rings.count()));
  }
  framecast::SimplifyPolygonsWorkspace workspace, pooled;
  framecast::ThreadPool pool(3);
  Rings alone, together;
  auto call = [&] {
    framecast::simplify_polygons(rings.points, rings.splits, polygons, epsilons, alone.points, alone.splits, workspace);
  };
  call();
  CHECK(allocations_of(call) == 0);
  for (int round = 0; round < 10; ++round) {
    framecast::simplify_polygons(rings.points, rings.splits, polygons, epsilons, together.points, together.splits,
                                 pooled, &pool);
    CHECK(together.points == alone.points && together.splits == alone.splits);
  }
}

TEST(refuses_what_does_not_fit) {
  framecast::SimplifyPolygonsWorkspace workspace;
  Rings out;
  const std::vector<Point> ring(4), bad(4, {0, NAN});
  const std::int64_t splits[] = {0, 4}, polygons[] = {0, 1}, wrong[] = {0, 3};
  const float one = 1, negative = -1;
  auto call = [&](const auto& points, const auto& rings, const auto& owners, const float& epsilon) {
    framecast::simplify_polygons(points, rings, owners, {&epsilon, 1}, out.points, out.splits, workspace);
  };
  CHECK_REFUSES("ring_splits", call(ring, wrong, polygons, one));
  CHECK_REFUSES("polygon_splits", call(ring, splits, wrong, one));
  CHECK_REFUSES("epsilons", call(ring, splits, polygons, negative));
  CHECK_REFUSES("points", call(bad, splits, polygons, one));
}

TEST(rings_in_the_gaps_of_long_outlines_cost_little_each) {
  // At this density pixels are about to join to one part, whose outline winds around thousands of others.
  Random random(6);
  constexpr std::size_t kSide = 500;
  std::vector<std::uint8_t> mask(kSide * kSide);
  for (std::uint8_t& pixel : mask) pixel = random.uniform(0, 1) < 0.6f;
  const float none = 0;
  framecast::Polygons outlines;
  framecast::MaskWorkspace workspace;
  framecast::binary_masks_to_polygons({mask, kSide, kSide}, {&none, 1}, outlines, workspace);
  Rings rings;
  rings.points = outlines.points;
  rings.splits = outlines.ring_splits;
  std::vector<float> epsilons;
  for (std::size_t r = 0; r < rings.count(); ++r) epsilons.push_back(0.02f * static_cast<float>(rings.size(r)));
  framecast::PolygonRefiner refiner;
  CHECK(refiner.run(rings.points, rings.splits, epsilons));
  CHECK(refiner.work() < 100 * rings.points.size());
}
