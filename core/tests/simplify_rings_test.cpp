#include "framecast/simplify_rings.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "check.h"
#include "kernels/simplify_rings.h"
#include "random.h"

using framecast::Point;
using framecast::SimplifyWorkspace;

namespace {

std::vector<Point> simplify(const std::vector<Point>& ring, double epsilon, SimplifyWorkspace& workspace) {
  std::vector<Point> out;
  framecast::simplify_ring(ring, epsilon, workspace, out);
  return out;
}

double distance(const Point& p, const Point& a, const Point& b) {
  const double dx = static_cast<double>(b.x) - a.x, dy = static_cast<double>(b.y) - a.y;
  const double length = dx * dx + dy * dy;
  const double px = static_cast<double>(p.x) - a.x, py = static_cast<double>(p.y) - a.y;
  const double t = length > 0 ? std::clamp((px * dx + py * dy) / length, 0.0, 1.0) : 0;
  return std::hypot(px - t * dx, py - t * dy);
}

}  // namespace

TEST(kernels_find_the_same_point_and_distance) {
  using framecast::Isa;
  Random random(21);
  for (int round = 0; round < 4000; ++round) {
    // Coarse numbers make ties; the chain starts anywhere, and beyond its end lies what would be farther.
    const bool coarse = random.below(2) == 1;
    auto number = [&] { return coarse ? static_cast<double>(random.below(5)) : random.uniform(-300, 300); };
    const std::size_t begin = 1 + random.below(9), end = begin + random.below(45);
    std::vector<double> x(end + 9, 1e9), y(end + 9, 1e9);
    for (std::size_t i = begin; i < end; ++i) x[i] = number(), y[i] = number();
    framecast::kernels::Chain chain{x.data(), y.data(), begin, end, number(), number(), number(), number()};
    if (random.below(10) == 0) chain.bx = chain.ax, chain.by = chain.ay;
    const double limits[] = {-1, 0, 1, coarse ? 4.0 : 5000.0, 1e12};
    for (double limit : limits) {
      const auto expected = framecast::kernels::find_farthest_scalar(chain, limit);
      for (Isa isa : {Isa::scalar, Isa::avx2, Isa::avx512}) {
        if (!framecast::is_supported(isa)) continue;
        const auto found = framecast::kernels::find_farthest_kernel(isa)(chain, limit);
        CHECK(found.index == expected.index && found.squared == expected.squared);
      }
    }
  }
}

TEST(every_point_left_out_is_within_epsilon_of_its_own_edge) {
  Random random(3);
  SimplifyWorkspace workspace;
  for (int round = 0; round < 500; ++round) {
    std::vector<Point> ring(4 + random.below(200));
    for (Point& point : ring) point = {random.uniform(-100, 100), random.uniform(-100, 100)};
    const double epsilon = random.uniform(0.01f, 60);
    const std::vector<Point> result = simplify(ring, epsilon, workspace);
    CHECK(result.size() >= 3);
    std::size_t start = 0;
    while (!(ring[start] == result[0])) ++start;
    std::size_t edge = 0;
    for (std::size_t i = 1; i <= ring.size(); ++i) {
      const Point& point = ring[(start + i) % ring.size()];
      const Point& end = result[(edge + 1) % result.size()];
      if (point == end) {
        ++edge;
      } else {
        CHECK(distance(point, result[edge % result.size()], end) <= epsilon);
      }
    }
    CHECK(edge == result.size());  // Points stay in their order, and none is new.
  }
}

TEST(the_stack_stays_logarithmic) {
  SimplifyWorkspace workspace;
  std::vector<Point> ring;
  for (int i = 0; i < 50000; ++i) {
    ring.push_back({static_cast<float>(i), (i % 2 == 0 ? 1.0f : -1.0f) * (10 + 0.01f * static_cast<float>(i))});
  }
  CHECK(simplify(ring, 0.1, workspace).size() > 49000);
  CHECK(workspace.stack.capacity() <= 2 * static_cast<std::size_t>(std::bit_width(ring.size())));
}

TEST(refuses_what_does_not_fit) {
  SimplifyWorkspace workspace;
  std::vector<Point> out;
  std::vector<std::int64_t> out_splits;
  const std::vector<Point> ring(4), bad(4, {0, std::numeric_limits<float>::infinity()});
  const std::int64_t splits[] = {0, 4}, wrong[] = {0, 3};
  const float one = 1, negative = -1;
  CHECK_REFUSES("ring_splits", framecast::simplify_rings(ring, wrong, {&one, 1}, out, out_splits, workspace));
  CHECK_REFUSES("epsilons", framecast::simplify_rings(ring, splits, {&negative, 1}, out, out_splits, workspace));
  CHECK_REFUSES("points", framecast::simplify_rings(bad, splits, {&one, 1}, out, out_splits, workspace));
}
