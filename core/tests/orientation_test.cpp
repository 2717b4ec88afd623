#include "orientation.h"

#include <cmath>
#include <limits>

#include "check.h"
#include "random.h"

using framecast::orientation;
using framecast::Point;

namespace {

/// The determinant in 128-bit integers, for coordinates that are integers below 2^30.
int by_integers(const Point& a, const Point& b, const Point& c) {
  auto whole = [](float value) { return static_cast<__int128>(static_cast<long long>(value)); };
  const __int128 value =
      (whole(b.x) - whole(a.x)) * (whole(c.y) - whole(a.y)) - (whole(b.y) - whole(a.y)) * (whole(c.x) - whole(a.x));
  return value > 0 ? 1 : value < 0 ? -1 : 0;
}

float power(int exponent) { return std::ldexp(1.0f, exponent); }

}  // namespace

TEST(equals_integers_near_and_on_a_line) {
  Random random(5);
  int zeros = 0;
  for (int round = 0; round < 200000; ++round) {
    const int bits = 2 + static_cast<int>(random.below(28));
    auto number = [&] { return std::floor(random.uniform(-power(bits), power(bits))); };
    const Point a{number(), number()}, b{number(), number()};
    const auto t = static_cast<float>(random.below(9)) - 4;
    // On the line through a and b, but for rounding to float.
    Point c{a.x + t * (b.x - a.x), a.y + t * (b.y - a.y)};
    if (std::fabs(c.x) >= power(30) || std::fabs(c.y) >= power(30)) continue;
    const int expected = by_integers(a, b, c);
    zeros += expected == 0;
    // Powers of two change no bit of the mantissas, however large or small the numbers get.
    for (const int exponent : {0, 90, -140}) {
      auto scaled = [exponent](const Point& p) { return Point{std::ldexp(p.x, exponent), std::ldexp(p.y, exponent)}; };
      if (exponent == -140 && bits > 12) continue;  // Would be rounded below the smallest float.
      CHECK(orientation(scaled(a), scaled(b), scaled(c)) == expected);
      CHECK(orientation(scaled(b), scaled(a), scaled(c)) == -expected);
      CHECK(framecast::exact_orientation(scaled(a), scaled(b), scaled(c)) == expected);
    }
  }
  CHECK(zeros > 20000);
}

TEST(is_exact_where_differences_are_not_exact_in_double) {
  const float tiny = std::numeric_limits<float>::denorm_min(), huge = std::numeric_limits<float>::max();
  CHECK(orientation({-huge, -huge}, {huge, huge}, {tiny, tiny}) == 0);
  CHECK(orientation({-huge, -huge}, {huge, huge}, {tiny, 0}) == -1);
  CHECK(orientation({-huge, -huge}, {huge, huge}, {0, tiny}) == 1);
  CHECK(orientation({0, 0}, {tiny, tiny}, {huge, huge}) == 0);
  CHECK(orientation({-1, -1}, {1e10f, 1e10f}, {1e-20f, 2e-20f}) == 1);
}

TEST(same_direction_wants_one_line_and_one_side) {
  using framecast::same_direction;
  CHECK(same_direction({1, 1}, {2, 3}, {3, 5}));
  CHECK(!same_direction({1, 1}, {2, 3}, {0, -1}));
  CHECK(!same_direction({1, 1}, {2, 3}, {3, 5.000001f}));
  CHECK(!same_direction({1, 1}, {1, 1}, {3, 5}));
}
