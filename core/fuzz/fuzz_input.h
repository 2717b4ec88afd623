#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <type_traits>
#include <vector>

/// What a fuzzer's bytes are read as; past their end everything is zero.
class FuzzInput {
 public:
  FuzzInput(const std::uint8_t* data, std::size_t size) : data_(data), size_(size) {}

  std::size_t remaining() const { return size_ - at_; }

  template <typename T>
  T take() {
    static_assert(std::is_trivially_copyable_v<T>);
    T value{};
    const std::size_t count = std::min(sizeof(T), remaining());
    if (count > 0) std::memcpy(&value, data_ + at_, count);
    at_ += count;
    return value;
  }

  /// In [low, high].
  template <typename T>
  T in_range(T low, T high) {
    const auto span = static_cast<std::uint64_t>(high) - static_cast<std::uint64_t>(low) + 1;
    const std::uint64_t value = span <= 256 ? take<std::uint8_t>() : take<std::uint32_t>();
    return static_cast<T>(static_cast<std::uint64_t>(low) + (span == 0 ? value : value % span));
  }

  bool flag() { return take<std::uint8_t>() & 1; }

  /// Any bits, so also NaN, infinity and subnormal numbers; mostly a number of moderate size.
  float number() {
    const auto kind = take<std::uint8_t>();
    if (kind < 8) return take<float>();
    if (kind == 8) return std::numeric_limits<float>::quiet_NaN();
    if (kind == 9) return std::numeric_limits<float>::infinity();
    if (kind < 96) return static_cast<float>(take<std::int8_t>());
    return static_cast<float>(take<std::int16_t>()) / 64.0f;
  }

  /// In [0, 1], both ends reachable.
  float fraction() { return static_cast<float>(take<std::uint8_t>()) / 255.0f; }

  std::vector<float> numbers(std::size_t count) {
    std::vector<float> values(count);
    for (float& value : values) value = number();
    return values;
  }

 private:
  const std::uint8_t* data_;
  std::size_t size_;
  std::size_t at_ = 0;
};

/// A broken promise is a finding, in release builds as well.
#define FUZZ_CHECK(condition) \
  if (!(condition)) std::abort()

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
