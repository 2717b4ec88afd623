#pragma once

#include <cstddef>
#include <cstdint>

#include "arrays.h"
#include "framecast/tensor.h"

namespace framecast::bindings {

/// A network's output as Python gives it: a C-contiguous float32 or float16 array, or a tuple of an int8 or uint8
/// array, its scale and its zero point.
template <int Dimensions>
struct TensorInput {
  nb::ndarray<nb::ro, nb::ndim<Dimensions>, nb::c_contig, nb::device::cpu> array;
  float scale = 1;
  std::int32_t zero_point = 0;

  std::size_t shape(std::size_t axis) const { return array.shape(axis); }

  bool has_type(bool quantized) const {
    const auto type = array.dtype();
    if (quantized) return type == nb::dtype<std::int8_t>() || type == nb::dtype<std::uint8_t>();
    return type == nb::dtype<float>() || is_half();
  }

  Tensor tensor() const {
    const std::size_t size = array.size();
    if (is_half()) return Tensor::half({static_cast<const std::uint16_t*>(array.data()), size});
    if (array.dtype() == nb::dtype<std::int8_t>()) {
      const std::span stored(static_cast<const std::int8_t*>(array.data()), size);
      return Tensor::quantized(stored, scale, zero_point);
    }
    if (array.dtype() == nb::dtype<std::uint8_t>()) {
      const std::span stored(static_cast<const std::uint8_t*>(array.data()), size);
      return Tensor::quantized(stored, scale, zero_point);
    }
    return std::span(static_cast<const float*>(array.data()), size);
  }

 private:
  bool is_half() const {
    const auto type = array.dtype();
    return type.code == static_cast<std::uint8_t>(nb::dlpack::dtype_code::Float) && type.bits == 16 && type.lanes == 1;
  }
};

}  // namespace framecast::bindings

namespace nanobind::detail {

template <int Dimensions>
struct type_caster<framecast::bindings::TensorInput<Dimensions>> {
  NB_TYPE_CASTER(framecast::bindings::TensorInput<Dimensions>,
                 const_name("numpy.ndarray[float32 or float16] | tuple[numpy.ndarray[int8 or uint8], float, "
                            "int][ndim=") +
                     const_name<Dimensions>() + const_name("]"))

  bool from_python(handle source, std::uint8_t, cleanup_list*) noexcept {
    if (!isinstance<nanobind::tuple>(source)) return try_cast(source, value.array, false) && value.has_type(false);
    const auto parts = borrow<nanobind::tuple>(source);
    return parts.size() == 3 && try_cast(parts[0], value.array, false) && value.has_type(true) &&
           try_cast(parts[1], value.scale) && try_cast(parts[2], value.zero_point);
  }
};

}  // namespace nanobind::detail
