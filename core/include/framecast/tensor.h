#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace framecast {

/// How the numbers of a tensor are stored.
enum class ValueType : std::uint8_t { float32, float16, int8, uint8 };

/// A network's output as it left the network: C-contiguous, only read; who uses it states the shape.
///
/// A number of an int8 or uint8 tensor is (stored - zero_point) * scale in float32. What is computed from a tensor is
/// what would be computed from the float32 tensor of its numbers, to the bit.
struct Tensor {
  const void* data = nullptr;
  std::size_t size = 0;
  ValueType type = ValueType::float32;
  float scale = 1;              ///< Of int8 and uint8; positive and finite.
  std::int32_t zero_point = 0;  ///< Of int8 and uint8; a value of the stored type.

  Tensor() = default;
  Tensor(std::span<const float> numbers) : data(numbers.data()), size(numbers.size()) {}
  Tensor(const std::vector<float>& numbers) : Tensor(std::span<const float>(numbers)) {}

  /// IEEE 754 binary16 numbers by their bits.
  static Tensor half(std::span<const std::uint16_t> bits) { return {bits.data(), bits.size(), ValueType::float16}; }
  static Tensor quantized(std::span<const std::int8_t> stored, float scale, std::int32_t zero_point) {
    return {stored.data(), stored.size(), ValueType::int8, scale, zero_point};
  }
  static Tensor quantized(std::span<const std::uint8_t> stored, float scale, std::int32_t zero_point) {
    return {stored.data(), stored.size(), ValueType::uint8, scale, zero_point};
  }

 private:
  Tensor(const void* start, std::size_t count, ValueType stored_as, float step = 1, std::int32_t zero = 0)
      : data(start), size(count), type(stored_as), scale(step), zero_point(zero) {}
};

}  // namespace framecast
