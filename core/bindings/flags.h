#pragma once

#include "arrays.h"

namespace framecast::bindings {

/// A C-contiguous array of bool or of uint8, which `flag_span` tells from others.
using Flags = nb::ndarray<nb::ro, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

inline std::span<const std::uint8_t> flag_span(const Flags& flags, const char* message) {
  if (flags.dtype() != nb::dtype<bool>() && flags.dtype() != nb::dtype<std::uint8_t>()) throw nb::type_error(message);
  return {static_cast<const std::uint8_t*>(flags.data()), flags.size()};
}

}  // namespace framecast::bindings
