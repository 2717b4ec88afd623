#pragma once

#include <cstdint>
#include <vector>

#include "framecast/tensor.h"
#include "half.h"
#include "values.h"

/// Numbers as a network may leave them: the stored values, the tensor over them and the float32 numbers that they mean.
struct StoredTensor {
  std::vector<std::uint16_t> halves;
  std::vector<std::int8_t> bytes;
  std::vector<std::uint8_t> unsigned_bytes;
  std::vector<float> numbers;
  framecast::Tensor tensor;

  /// Rounds `given` to what `type` can hold; bytes are in steps of `scale`.
  StoredTensor(framecast::ValueType type, const std::vector<float>& given, float scale) {
    using framecast::Tensor;
    using framecast::ValueType;
    auto nearest = [scale](float value, int zero, int low, int high) {
      const float place = value / scale + static_cast<float>(zero);
      return place >= static_cast<float>(high) ? high : place > static_cast<float>(low) ? static_cast<int>(place) : low;
    };
    for (float value : given) {
      if (type == ValueType::float16) halves.push_back(framecast::to_half(value).bits);
      if (type == ValueType::int8) bytes.push_back(static_cast<std::int8_t>(nearest(value, -7, -128, 127)));
      if (type == ValueType::uint8) unsigned_bytes.push_back(static_cast<std::uint8_t>(nearest(value, 99, 0, 255)));
    }
    numbers = given;
    if (type == ValueType::float32) tensor = Tensor(numbers);
    if (type == ValueType::float16) tensor = Tensor::half(halves);
    if (type == ValueType::int8) tensor = Tensor::quantized(bytes, scale, -7);
    if (type == ValueType::uint8) tensor = Tensor::quantized(unsigned_bytes, scale, 99);
    for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = framecast::number_at(tensor, i);
    if (type == ValueType::float32) tensor = Tensor(numbers);
  }
  StoredTensor(const StoredTensor&) = delete;
  StoredTensor& operator=(const StoredTensor&) = delete;
};

constexpr framecast::ValueType kValueTypes[] = {framecast::ValueType::float32, framecast::ValueType::float16,
                                                framecast::ValueType::int8, framecast::ValueType::uint8};
