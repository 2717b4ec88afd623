#include "ring_topology.h"

#include <vector>

#include "check.h"

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

  std::vector<std::int32_t> parents() const {
    std::vector<std::int32_t> found(splits.size() - 1, -7);
    RingTopology topology;
    topology.load(points, splits);
    topology.find_parents(found);
    return found;
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

TEST(parents_are_the_smallest_rings_around) {
  const Family family = Family()
                            .ring(kSquare)
                            .ring({{10, 10}, {10, 90}, {90, 90}, {90, 10}})
                            .ring({{20, 20}, {30, 20}, {30, 30}, {20, 30}})
                            .ring({{22, 22}, {22, 28}, {28, 28}, {28, 22}})
                            .ring({{95, 95}, {97, 95}, {97, 97}})
                            .ring({{100, 100}, {110, 100}, {110, 110}});
  CHECK((family.parents() == std::vector<std::int32_t>{-1, 0, 1, 2, 0, -1}));
}
