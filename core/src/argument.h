#pragma once

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>

#include "framecast/point.h"

namespace framecast {

/// Throws std::invalid_argument unless `ok`; the message begins with the argument's name.
inline void require(bool ok, const char* message) {
  if (!ok) throw std::invalid_argument(message);
}

/// Offsets must run from 0 to `total` without falling.
inline void require_splits(std::span<const std::int64_t> splits, std::size_t total, const char* name) {
  bool ok = !splits.empty() && splits.front() == 0 && splits.back() == static_cast<std::int64_t>(total);
  for (std::size_t i = 1; ok && i < splits.size(); ++i) ok = splits[i - 1] <= splits[i];
  if (!ok) {
    throw std::invalid_argument(std::string(name) + ": must run from 0 to " + std::to_string(total) +
                                " without falling");
  }
}

inline void require_no_nan(std::span<const float> values, const char* message) {
  for (float value : values) require(!std::isnan(value), message);
}

/// Each value must be finite and at least 0.
inline void require_lengths(std::span<const float> values, const char* message) {
  for (float value : values) require(std::isfinite(value) && value >= 0, message);
}

inline void require_finite(std::span<const Point> points, const char* message) {
  // Without a branch per point, so that the compiler can use vectors.
  constexpr std::uint32_t kExponent = 0x7f800000u;
  std::uint32_t bad = 0;
  for (const Point& point : points) {
    bad |= (std::bit_cast<std::uint32_t>(point.x) & kExponent) == kExponent;
    bad |= (std::bit_cast<std::uint32_t>(point.y) & kExponent) == kExponent;
  }
  require(bad == 0, message);
}

}  // namespace framecast
