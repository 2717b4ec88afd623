#pragma once

#include <cstdint>
#include <cstring>

#include "framecast/box.h"

namespace framecast {

/// Without a branch per coordinate.
inline bool is_finite(const Box& box) {
  constexpr std::uint32_t kExponent = 0x7f800000u;
  std::uint32_t bits[4];
  std::memcpy(bits, &box, sizeof(bits));
  return ((bits[0] & kExponent) != kExponent) & ((bits[1] & kExponent) != kExponent) &
         ((bits[2] & kExponent) != kExponent) & ((bits[3] & kExponent) != kExponent);
}

}  // namespace framecast
