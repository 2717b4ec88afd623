#pragma once

#include <memory>

#include "arrays.h"
#include "framecast/masks_to_polygons.h"
#include "recycled.h"

namespace framecast::bindings {

/// `Polygons` with NumPy arrays in place of vectors.
struct PolygonArrays {
  nb::object points;
  nb::object ring_splits;
  nb::object part_splits;
  nb::object instance_splits;
  nb::object areas;
  nb::object boxes;
  std::size_t count;
};

inline PolygonArrays to_arrays(std::unique_ptr<Polygons> result) {
  Polygons& polygons = *result;
  const nb::capsule owner = Recycled<Polygons>::release(std::move(result));
  return {view(polygons.points, owner),
          view(polygons.ring_splits, owner),
          view(polygons.part_splits, owner),
          view(polygons.instance_splits, owner),
          view(polygons.areas, owner),
          view(polygons.boxes, owner),
          polygons.areas.size()};
}

inline MaskWorkspace& mask_workspace() {
  thread_local MaskWorkspace workspace;
  return workspace;
}

/// Masks [K, H, W] of bool or uint8.
using Pixels = nb::ndarray<nb::ro, nb::ndim<3>, nb::c_contig, nb::device::cpu>;

inline BinaryMasks binary_masks(const Pixels& masks) {
  if (masks.dtype() != nb::dtype<bool>() && masks.dtype() != nb::dtype<std::uint8_t>()) {
    throw nb::type_error("masks: must be bool or uint8");
  }
  return {{static_cast<const std::uint8_t*>(masks.data()), masks.size()}, masks.shape(1), masks.shape(2)};
}

}  // namespace framecast::bindings
