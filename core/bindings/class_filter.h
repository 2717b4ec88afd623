#pragma once

#include <nanobind/stl/optional.h>

#include <optional>

#include "arrays.h"

namespace framecast::bindings {

/// bool [B, C], or None for every class.
using ClassFilter = std::optional<Input<bool, 2>>;

/// The filter's bytes after its shape is checked; empty for None.
inline std::span<const std::uint8_t> filter_span(const ClassFilter& filter, std::size_t batch, std::size_t classes) {
  static_assert(sizeof(bool) == 1);
  if (!filter) return {};
  require(filter->shape(0) == batch && filter->shape(1) == classes,
          "class_filter: must be None or one row per image, one column per class");
  return {reinterpret_cast<const std::uint8_t*>(filter->data()), filter->size()};
}

}  // namespace framecast::bindings
