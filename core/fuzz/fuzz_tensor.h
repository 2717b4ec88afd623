#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "framecast/tensor.h"
#include "fuzz_input.h"
#include "values.h"

/// A tensor of any type and any bits: half of what is left of the input, over and over.
class FuzzTensor {
 public:
  FuzzTensor(FuzzInput& input, std::size_t count) {
    const auto kind = input.in_range<int>(0, 3);
    const float scale = 1e-3f + input.fraction();
    const std::size_t left = input.remaining() / 2;
    if (kind == 0) {
      floats_ = repeated(input.numbers(1 + left / 3), count);
      tensor_ = floats_;
    } else if (kind == 1) {
      halves_ = repeated(stored<std::uint16_t>(input, left), count);
      tensor_ = framecast::Tensor::half(halves_);
    } else {
      bytes_ = repeated(stored<std::uint8_t>(input, left), count);
      const std::span with_sign(reinterpret_cast<const std::int8_t*>(bytes_.data()), bytes_.size());
      tensor_ = kind == 2 ? framecast::Tensor::quantized(bytes_, scale, 3)
                          : framecast::Tensor::quantized(with_sign, scale, -3);
    }
  }
  FuzzTensor(const FuzzTensor&) = delete;
  FuzzTensor& operator=(const FuzzTensor&) = delete;

  operator const framecast::Tensor&() const { return tensor_; }
  float operator[](std::size_t index) const { return framecast::number_at(tensor_, index); }

 private:
  template <typename T>
  static std::vector<T> stored(FuzzInput& input, std::size_t bytes) {
    std::vector<T> some(1 + bytes / sizeof(T));
    for (T& value : some) value = input.take<T>();
    return some;
  }
  template <typename T>
  static std::vector<T> repeated(const std::vector<T>& some, std::size_t count) {
    std::vector<T> all(count);
    for (std::size_t i = 0; i < count; ++i) all[i] = some[i * 7 % some.size()];
    return all;
  }

  std::vector<float> floats_;
  std::vector<std::uint16_t> halves_;
  std::vector<std::uint8_t> bytes_;
  framecast::Tensor tensor_;
};
