#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <array>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <type_traits>
#include <vector>

#include "numpy_array.h"

/// Between NumPy arrays and the spans and vectors of the kernels.
namespace framecast::bindings {

template <typename Array>
std::span<const std::remove_const_t<typename Array::Scalar>> span(const Array& array) {
  return {array.data(), array.size()};
}

/// Rows of a float32 array as structs of as many floats; the last dimension is checked.
template <typename Row, typename Array>
std::span<const Row> rows(const Array& array, const char* message) {
  static_assert(std::is_same_v<std::remove_const_t<typename Array::Scalar>, float>);
  constexpr std::size_t kColumns = sizeof(Row) / sizeof(float);
  if (array.shape(array.ndim() - 1) != kColumns) throw std::invalid_argument(message);
  return {reinterpret_cast<const Row*>(array.data()), array.size() / kColumns};
}

inline void require(bool ok, const char* message) {
  if (!ok) throw std::invalid_argument(message);
}

/// A NumPy array over a vector that `owner` keeps alive; a struct of floats becomes a row.
template <typename T>
nb::object array_over_rows(std::vector<T>& values, const nb::capsule& owner) {
  if constexpr (std::is_arithmetic_v<T>) {
    return array_over(values.data(), {values.size()}, owner);
  } else {
    return array_over(reinterpret_cast<float*>(values.data()), {values.size(), sizeof(T) / sizeof(float)}, owner);
  }
}

/// Hands a vector's memory to a NumPy array without a copy; a struct of floats becomes a row.
template <typename T>
nb::object to_numpy(std::vector<T>&& values) {
  auto* owned = new std::vector<T>(std::move(values));
  nb::capsule owner(owned, [](void* p) noexcept { delete static_cast<std::vector<T>*>(p); });
  return array_over_rows(*owned, owner);
}

void bind_assign(nb::module_& module);
void bind_box_iou(nb::module_& module);
void bind_category_table(nb::module_& module);
void bind_decode_boxes(nb::module_& module);
void bind_decode_detections(nb::module_& module);
void bind_decode_fcos(nb::module_& module);
void bind_decode_keypoints(nb::module_& module);
void bind_decode_proposals(nb::module_& module);
void bind_decode_retinanet(nb::module_& module);
void bind_decode_segmentation(nb::module_& module);
void bind_decode_ssd(nb::module_& module);
void bind_decode_yolov5(nb::module_& module);
void bind_decode_yolox(nb::module_& module);
void bind_fuse_boxes(nb::module_& module);
void bind_isa(nb::module_& module);
void bind_kalman(nb::module_& module);
void bind_map_boxes(nb::module_& module);
void bind_masks_to_polygons(nb::module_& module);
void bind_nms(nb::module_& module);
void bind_nms_rotated(nb::module_& module);
void bind_polygons_to_mask(nb::module_& module);
void bind_prepare(nb::module_& module);
void bind_prototypes_to_polygons(nb::module_& module);
void bind_rle(nb::module_& module);
void bind_serialise_results(nb::module_& module);
void bind_simplify_polygons(nb::module_& module);
void bind_simplify_rings(nb::module_& module);
void bind_simplify_visvalingam(nb::module_& module);
void bind_soft_nms(nb::module_& module);
void bind_thread_pool(nb::module_& module);
void bind_tracker(nb::module_& module);

}  // namespace framecast::bindings
