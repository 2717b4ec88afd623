#include "framecast/prototypes_to_polygons.h"

#include <nanobind/stl/pair.h>

#include "arrays.h"
#include "polygon_arrays.h"

namespace framecast::bindings {
namespace {

PolygonArrays prototypes_to_polygons_numpy(Input<float, 4> prototypes, Input<float, 2> coefficients,
                                           Input<float, 2> boxes, Input<std::int64_t, 1> splits,
                                           Input<std::int32_t, 2> image_sizes, Input<std::int32_t, 2> regions,
                                           std::pair<std::int32_t, std::int32_t> input_size, bool sigmoid,
                                           bool crop_prototypes, float threshold, Input<float, 1> rdp_thresholds,
                                           ThreadPool* pool) {
  const auto corners = rows<Box>(boxes, "boxes: must be [K, 4]");
  require(coefficients.shape(0) == corners.size() && coefficients.shape(1) == prototypes.shape(1),
          "coefficients: must be [boxes, prototypes]");
  require(prototypes.shape(0) + 1 == splits.size(), "prototypes: must have one entry per image");
  require(image_sizes.shape(1) == 2, "image_sizes: must be [B, 2]");
  require(regions.shape(1) == 4, "regions: must be [B, 4]");
  const PrototypeMasks masks{
      span(prototypes), prototypes.shape(1), prototypes.shape(2), prototypes.shape(3), span(coefficients), corners,
      span(splits),     span(image_sizes),   span(regions),       input_size.first,    input_size.second};
  auto out = Recycled<Polygons>::take();
  {
    nb::gil_scoped_release release;
    prototypes_to_polygons(masks, {threshold, sigmoid, crop_prototypes}, span(rdp_thresholds), *out, mask_workspace(),
                           pool);
  }
  return to_arrays(std::move(out));
}

}  // namespace

void bind_prototypes_to_polygons(nb::module_& module) {
  module.def("prototypes_to_polygons", prototypes_to_polygons_numpy, nb::arg("prototypes").noconvert(),
             nb::arg("coefficients").noconvert(), nb::arg("boxes").noconvert(), nb::arg("splits").noconvert(),
             nb::arg("image_sizes").noconvert(), nb::arg("regions").noconvert(), nb::kw_only(), nb::arg("input_size"),
             nb::arg("sigmoid"), nb::arg("crop_prototypes"), nb::arg("threshold"),
             nb::arg("rdp_thresholds").noconvert(), nb::arg("pool") = nb::none(),
             "Turns prototype masks into polygons of the source images; see the stub.");
}

}  // namespace framecast::bindings
