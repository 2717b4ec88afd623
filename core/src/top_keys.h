#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace framecast {

/// A number's place and its index in one: keys rise by falling number, then rising index. The number is not NaN.
inline std::uint64_t falling_key(float number, std::uint32_t index) {
  const auto bits = std::bit_cast<std::uint32_t>(number + 0.0f);  // -0 becomes 0, which equals it.
  const std::uint32_t rising = (bits & 0x80000000u) != 0 ? ~bits : bits | 0x80000000u;
  return std::uint64_t{~rising} << 32 | index;
}

inline std::uint32_t index_of(std::uint64_t key) { return static_cast<std::uint32_t>(key); }

inline float number_of(std::uint64_t key) {
  const auto rising = ~static_cast<std::uint32_t>(key >> 32);
  return std::bit_cast<float>((rising & 0x80000000u) != 0 ? rising & 0x7fffffffu : ~rising);
}

/// Keeps the `limit` first keys, in any order.
inline void keep_first(std::vector<std::uint64_t>& keys, std::size_t limit) {
  if (keys.size() <= limit) return;
  std::nth_element(keys.begin(), keys.begin() + static_cast<std::ptrdiff_t>(limit), keys.end());
  keys.resize(limit);
}

/// Whether so many keys have come that all but `limit` should go, which keeps memory and later work small.
inline bool is_crowded(const std::vector<std::uint64_t>& keys, std::size_t limit) {
  return keys.size() >= 4096 && keys.size() / 4 >= limit;
}

}  // namespace framecast
