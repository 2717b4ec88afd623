#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "argument.h"
#include "framecast/tensor.h"
#include "half.h"

namespace framecast {

/// The numbers of a tensor whose type is known: T is float, Half, std::int8_t or std::uint8_t.
template <typename T>
struct Values {
  static_assert(std::is_same_v<T, float> || std::is_same_v<T, Half> || sizeof(T) == 1);

  const T* data;
  float scale = 1;
  float zero_point = 0;

  float number(T stored) const {
    if constexpr (std::is_same_v<T, float>) {
      return stored;
    } else if constexpr (std::is_same_v<T, Half>) {
      return to_float(stored);
    } else {
      return (static_cast<float>(stored) - zero_point) * scale;
    }
  }
  float operator[](std::size_t index) const { return number(data[index]); }
  Values from(std::size_t first) const { return {data + first, scale, zero_point}; }
};

/// Calls visit(Values<T>) with the tensor's own T.
template <typename Visit>
void with_values(const Tensor& tensor, Visit&& visit) {
  const auto zero_point = static_cast<float>(tensor.zero_point);
  switch (tensor.type) {
    case ValueType::float32:
      return visit(Values<float>{static_cast<const float*>(tensor.data)});
    case ValueType::float16:
      return visit(Values<Half>{static_cast<const Half*>(tensor.data)});
    case ValueType::int8:
      return visit(Values<std::int8_t>{static_cast<const std::int8_t*>(tensor.data), tensor.scale, zero_point});
    case ValueType::uint8:
      return visit(Values<std::uint8_t>{static_cast<const std::uint8_t*>(tensor.data), tensor.scale, zero_point});
  }
}

/// One number of a tensor; for the few that are looked at one by one.
inline float number_at(const Tensor& tensor, std::size_t index) {
  float number = 0;
  with_values(tensor, [&](auto values) { number = values[index]; });
  return number;
}

/// Throws std::invalid_argument with `message`, which begins with the argument's name, for a scale that is not
/// positive and finite or a zero point that the stored type lacks.
inline void require_quantization(const Tensor& tensor, const char* message) {
  if (tensor.type != ValueType::int8 && tensor.type != ValueType::uint8) return;
  const std::int32_t lowest = tensor.type == ValueType::int8 ? -128 : 0;
  require(std::isfinite(tensor.scale) && tensor.scale > 0, message);
  require(tensor.zero_point >= lowest && tensor.zero_point <= lowest + 255, message);
}

}  // namespace framecast
