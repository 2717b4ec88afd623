#pragma once

#include <bit>
#include <cstdint>

namespace framecast::kernels {

/// Rises as the score falls, equal for equal scores; not for NaN.
inline std::uint32_t falling_key(float score) {
  const auto bits = std::bit_cast<std::uint32_t>(score + 0.0f);  // Which makes -0 the same as 0.
  return bits >> 31 ? bits : ~(bits | 0x80000000u);
}

}  // namespace framecast::kernels
