#include "ring_topology.h"

#include <cmath>
#include <numbers>
#include <vector>

#include "allocations.h"
#include "check.h"
#include "random.h"

using framecast::Point;
using framecast::RingTopology;

namespace {

struct Family {
  std::vector<Point> points;
  std::vector<std::int64_t> splits = {0};

  Family& ring(std::vector<Point> ring) {
    points.insert(points.end(), ring.begin(), ring.end());
    splits.push_back(static_cast<std::int64_t>(points.size()));
    return *this;
  }

  std::vector<std::uint8_t> conflicts() const {
    std::vector<std::uint8_t> bad(splits.size() - 1, 0);
    RingTopology topology;
    topology.load(points, splits);
    topology.mark_conflicts(bad);
    return bad;
  }
};

using Flags = std::vector<std::uint8_t>;
const std::vector<Point> kSquare = {{0, 0}, {100, 0}, {100, 100}, {0, 100}};

}  // namespace

TEST(a_simple_ring_has_no_conflict) { CHECK(Family().ring(kSquare).conflicts() == Flags{0}); }

TEST(a_bow_tie_a_spike_and_a_touch_are_conflicts) {
  CHECK((Family().ring({{0, 0}, {10, 10}, {10, 0}, {0, 10}}).conflicts() == Flags{1}));
  CHECK((Family().ring({{0, 0}, {10, 0}, {5, 0}, {5, 5}}).conflicts() == Flags{1}));
  CHECK((Family().ring({{0, 0}, {10, 0}, {20, 0}}).conflicts() == Flags{1}));
  CHECK((Family().ring({{0, 0}, {10, 0}, {10, 10}, {5, 0}, {0, 10}}).conflicts() == Flags{1}));
}

TEST(rings_may_meet_in_a_vertex_of_both_but_not_pass_through_it) {
  const std::vector<Point> left = {{0, 0}, {10, 10}, {0, 20}};
  CHECK((Family().ring(left).ring({{20, 0}, {10, 10}, {20, 20}}).conflicts() == Flags{0, 0}));
  CHECK((Family().ring(left).ring({{10, 10}, {2, 10}, {20, 10}, {20, 12}}).conflicts() == Flags{1, 1}));
  // Enters through the corner and leaves beside it.
  CHECK((Family().ring({{0, 0}, {20, 0}, {20, 20}, {0, 20}}).ring({{0, 0}, {10, 8}, {-10, 9}}).conflicts() ==
         Flags{1, 1}));
  // A vertex on the other's edge, and edges that lie on each other.
  CHECK((Family().ring(kSquare).ring({{100, 50}, {120, 40}, {120, 60}}).conflicts() == Flags{1, 1}));
  CHECK((Family().ring(kSquare).ring({{100, 0}, {100, 100}, {150, 50}}).conflicts() == Flags{1, 1}));
}

TEST(passing_through_shared_vertices_is_found_though_no_edges_cross) {
  // In at (0, 0), along the diagonal, out at (100, 100), and around the outside.
  const Family through = Family().ring(kSquare).ring({{0, 0}, {100, 100}, {200, -50}, {-50, -50}});
  CHECK((through.conflicts() == Flags{1, 1}));
  // The same corners, but staying outside: two touches.
  const Family around = Family().ring(kSquare).ring({{0, 0}, {200, -50}, {100, 100}, {300, -90}, {-50, -90}});
  CHECK((around.conflicts() == Flags{0, 0}));
}

TEST(far_rings_do_not_matter_and_only_the_guilty_are_marked) {
  const Family family =
      Family().ring(kSquare).ring({{200, 0}, {300, 0}, {300, 100}}).ring({{290, 10}, {400, 20}, {290, 90}});
  CHECK((family.conflicts() == Flags{0, 1, 1}));
}

TEST(conflicts_of_random_families_are_those_of_all_pairs) {
  Random random(9);
  int clean = 0;
  for (int round = 0; round < 3000; ++round) {
    // Small triangles and rings of four on a coarse lattice, or the same with the last bits of floats in use.
    Family family;
    const std::size_t rings = 1 + random.below(7);
    const bool fine = random.below(2) == 1;
    for (std::size_t r = 0; r < rings; ++r) {
      const auto x = static_cast<float>(random.below(12)), y = static_cast<float>(random.below(12));
      std::vector<Point> ring(3 + random.below(2));
      for (Point& point : ring) {
        point = {x + static_cast<float>(random.below(5)), y + static_cast<float>(random.below(5))};
        if (fine) point = {point.x * 0.1f, point.y * 0.1f + 1000};
      }
      family.ring(ring);
    }
    // Each ring alone, then each pair alone: what is marked in the family is what is marked there.
    Flags expected(rings, 0);
    auto ring = [&family](std::size_t r) {
      return std::vector<Point>(family.points.begin() + family.splits[r], family.points.begin() + family.splits[r + 1]);
    };
    for (std::size_t a = 0; a < rings; ++a) {
      expected[a] |= Family().ring(ring(a)).conflicts()[0];
    }
    const Flags alone = expected;
    for (std::size_t a = 0; a < rings; ++a) {
      for (std::size_t b = 0; b < a; ++b) {
        if (alone[a] && alone[b]) continue;
        const Flags pair = Family().ring(ring(b)).ring(ring(a)).conflicts();
        if (!alone[a] && pair[1]) expected[a] = 1;
        if (!alone[b] && pair[0]) expected[b] = 1;
      }
    }
    CHECK(family.conflicts() == expected);
    clean += expected == Flags(rings, 0);
  }
  CHECK(clean > 100);
}

TEST(the_work_is_near_linear_and_the_steady_state_allocates_nothing) {
  RingTopology topology;
  const std::size_t teeth = 12500;
  for (const bool spiral : {false, true}) {
    // A comb of 50,000 points, or a strip of as many that winds around itself a hundred times.
    std::vector<Point> ring;
    for (std::size_t i = 0; i < teeth; ++i) {
      const auto x = static_cast<float>(4 * i);
      for (const Point& p : {Point{x, 0}, Point{x + 1, 50000}, Point{x + 2, 50000}, Point{x + 3, 0}}) ring.push_back(p);
    }
    ring.back().y = -1;
    ring.front().y = -1;
    if (spiral) {
      ring.clear();
      for (int side = 0; side < 2; ++side) {
        for (std::size_t k = 0; k < 2 * teeth; ++k) {
          const double turn = static_cast<double>(side == 0 ? k : 2 * teeth - 1 - k) / 250;
          const double radius = 100 * (turn + 1) + 40 * side;
          ring.push_back({static_cast<float>(radius * std::cos(2 * std::numbers::pi * turn)),
                          static_cast<float>(radius * std::sin(2 * std::numbers::pi * turn))});
        }
      }
    }
    const std::int64_t splits[] = {0, static_cast<std::int64_t>(ring.size())};
    std::uint8_t bad = 0;
    topology.load(ring, splits);
    topology.mark_conflicts({&bad, 1});
    CHECK(bad == 0);
    CHECK(topology.work() < 100 * ring.size());
    CHECK(allocations_of([&] {
            topology.load(ring, splits);
            topology.mark_conflicts({&bad, 1});
          }) == 0);
  }
}
