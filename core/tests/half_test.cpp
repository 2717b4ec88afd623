#include "half.h"

#include <cmath>
#include <limits>

#include "check.h"

using framecast::Half;
using framecast::to_float;
using framecast::to_half;

TEST(every_half_comes_back) {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const Half half{static_cast<std::uint16_t>(bits)};
    const float value = to_float(half);
    if (std::isnan(value)) {
      CHECK((bits & 0x7c00u) == 0x7c00u && std::isnan(to_float(to_half(value))));
    } else {
      CHECK(to_half(value).bits == bits);
    }
  }
}

TEST(known_values) {
  CHECK(to_float(Half{0x3c00}) == 1.0f);
  CHECK(to_float(Half{0x0001}) == 0x1p-24f);
  CHECK(to_float(Half{0x7bff}) == 65504.0f);
  CHECK(std::signbit(to_float(Half{0x8000})));
  CHECK(to_half(std::numeric_limits<float>::infinity()).bits == 0x7c00);
  CHECK(to_half(65519.996f).bits == 0x7bff);
  CHECK(to_half(65520.0f).bits == 0x7c00);
}

TEST(rounds_to_the_nearest_and_ties_to_even) {
  for (std::uint32_t bits = 0; bits + 1 < 0x7c00; ++bits) {
    const float low = to_float(Half{static_cast<std::uint16_t>(bits)});
    const float high = to_float(Half{static_cast<std::uint16_t>(bits + 1)});
    const float middle = low + (high - low) / 2;  // Exact in float32.
    CHECK(to_half(middle).bits == (bits % 2 == 0 ? bits : bits + 1));
    CHECK(to_half(std::nextafterf(middle, 0)).bits == bits);
    CHECK(to_half(std::nextafterf(middle, high)).bits == bits + 1);
  }
}
