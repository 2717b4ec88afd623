#include "framecast/polygons_to_mask.h"

#include <limits>
#include <stdexcept>
#include <vector>

#include "check.h"

using framecast::Point;

TEST(a_triangle_covers_the_centres_inside_it) {
  const std::vector<Point> points = {{0, 0}, {4, 0}, {0, 4}};
  const std::int64_t splits[] = {0, 3};
  std::vector<std::uint8_t> mask(16, 9);
  framecast::polygons_to_mask(points, splits, 4, 4, mask);
  // Centres on the slanted right edge are outside.
  CHECK((mask == std::vector<std::uint8_t>{1, 1, 1, 0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0}));
}

TEST(two_rings_on_each_other_cancel) {
  const std::vector<Point> points = {{0, 0}, {4, 0}, {0, 4}, {0, 0}, {4, 0}, {0, 4}};
  const std::int64_t splits[] = {0, 3, 6};
  std::vector<std::uint8_t> mask(16, 9);
  framecast::polygons_to_mask(points, splits, 4, 4, mask);
  CHECK(mask == std::vector<std::uint8_t>(16, 0));
}

TEST(refuses_what_does_not_fit) {
  std::vector<std::uint8_t> mask(16);
  const std::vector<Point> points(3), bad(3, {std::numeric_limits<float>::quiet_NaN(), 0});
  const std::int64_t splits[] = {0, 3}, wrong[] = {0, 4};
  CHECK_REFUSES("ring_splits", framecast::polygons_to_mask(points, wrong, 4, 4, mask));
  CHECK_REFUSES("points", framecast::polygons_to_mask(bad, splits, 4, 4, mask));
  CHECK_REFUSES("mask", framecast::polygons_to_mask(points, splits, 4, 5, mask));
}
