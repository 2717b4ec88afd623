#pragma once

#include <cstdint>
#include <type_traits>

#include "values.h"

namespace framecast {

/// "This number is greater than the bound", asked of stored values without turning each into float32.
template <typename T>
class StoredBound {
 public:
  /// No number is greater than a NaN.
  StoredBound(const Values<T>& values, float bound) {
    if constexpr (std::is_same_v<T, float>) {
      least_ = bound;
    } else {
      // Numbers grow with their order, so the first one above is found by halving.
      std::int32_t low = kFirst;
      std::int32_t high = kLast + 1;
      while (low < high) {
        const std::int32_t middle = low + (high - low) / 2;
        if (values.number(stored(middle)) > bound) {
          high = middle;
        } else {
          low = middle + 1;
        }
      }
      least_ = low;
    }
  }

  bool exceeded_by(T value) const {
    if constexpr (std::is_same_v<T, float>) {
      return value > least_;
    } else {
      // One comparison: what lies below wraps around, far above all others.
      return static_cast<std::uint32_t>(order(value) - least_) < static_cast<std::uint32_t>(kLast + 1 - least_);
    }
  }

 private:
  static constexpr bool kHalf = std::is_same_v<T, Half>;
  // Of halves from -infinity to infinity, outside of which the NaNs lie; else of bytes.
  static constexpr std::int32_t kFirst = kHalf ? -0x7c01 : std::is_signed_v<T> ? -128 : 0;
  static constexpr std::int32_t kLast = kHalf ? 0x7c00 : kFirst + 255;

  /// A whole number that grows with the stored number; -0 comes just before 0.
  static std::int32_t order(T value) {
    if constexpr (kHalf) {
      const auto bits = static_cast<std::int16_t>(value.bits);
      return bits ^ (bits >> 15 & 0x7fff);
    } else {
      return static_cast<std::int32_t>(value);
    }
  }
  static T stored(std::int32_t place) {
    if constexpr (kHalf) {
      return {static_cast<std::uint16_t>(place < 0 ? 0x8000 - 1 - place : place)};
    } else {
      return static_cast<T>(place);
    }
  }

  std::conditional_t<std::is_same_v<T, float>, float, std::int32_t> least_;
};

}  // namespace framecast
