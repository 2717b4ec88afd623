#include "framecast/polygons_to_mask.h"

#include "arrays.h"

namespace framecast::bindings {
namespace {

nb::object polygons_to_mask_numpy(Input<float, 2> points, Input<std::int64_t, 1> ring_splits, std::int64_t height,
                                  std::int64_t width) {
  require(height >= 0 && height <= 1 << 24, "height: must be in [0, 2^24]");
  require(width >= 0 && width <= 1 << 24, "width: must be in [0, 2^24]");
  const auto mask_height = static_cast<std::size_t>(height);
  const auto mask_width = static_cast<std::size_t>(width);
  const auto corners = rows<Point>(points, "points: must be [V, 2]");
  auto* mask = new std::vector<std::uint8_t>();
  nb::capsule owner(mask, [](void* p) noexcept { delete static_cast<std::vector<std::uint8_t>*>(p); });
  {
    nb::gil_scoped_release release;
    mask->resize(mask_height * mask_width);
    polygons_to_mask(corners, span(ring_splits), mask_height, mask_width, *mask);
  }
  return nb::cast(nb::ndarray<nb::numpy, std::uint8_t, nb::ndim<2>>(mask->data(), {mask_height, mask_width}, owner));
}

}  // namespace

void bind_polygons_to_mask(nb::module_& module) {
  module.def("polygons_to_mask", polygons_to_mask_numpy, nb::arg("points").noconvert(),
             nb::arg("ring_splits").noconvert(), nb::arg("height"), nb::arg("width"),
             "Fills rings by the even-odd rule at pixel centres; see the stub for shapes.");
}

}  // namespace framecast::bindings
