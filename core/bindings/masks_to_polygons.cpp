#include "framecast/masks_to_polygons.h"

#include "arrays.h"
#include "polygon_arrays.h"

namespace framecast::bindings {
namespace {

PolygonArrays masks_to_polygons_numpy(Input<float, 3> masks, Input<float, 2> boxes, Input<std::int32_t, 2> image_sizes,
                                      float threshold, Input<float, 1> rdp_thresholds, bool exact_boxes,
                                      ThreadPool* pool) {
  require(masks.shape(1) == masks.shape(2), "masks: must be [K, M, M]");
  require(masks.shape(0) == boxes.shape(0), "boxes: must have one row per mask");
  require(image_sizes.shape(0) == boxes.shape(0) && image_sizes.shape(1) == 2, "image_sizes: must be [K, 2]");
  const SoftMasks soft{span(masks), masks.shape(1), rows<Box>(boxes, "boxes: must be [K, 4]"), span(image_sizes),
                       exact_boxes};
  auto out = Recycled<Polygons>::take();
  {
    nb::gil_scoped_release release;
    masks_to_polygons(soft, threshold, span(rdp_thresholds), *out, mask_workspace(), pool);
  }
  return to_arrays(std::move(out));
}

PolygonArrays binary_masks_to_polygons_numpy(Pixels masks, Input<float, 1> rdp_thresholds, ThreadPool* pool) {
  require(masks.shape(0) == rdp_thresholds.size(), "rdp_thresholds: must have one entry per mask");
  const BinaryMasks binary = binary_masks(masks);
  auto out = Recycled<Polygons>::take();
  {
    nb::gil_scoped_release release;
    binary_masks_to_polygons(binary, span(rdp_thresholds), *out, mask_workspace(), pool);
  }
  return to_arrays(std::move(out));
}

}  // namespace

void bind_masks_to_polygons(nb::module_& module) {
  nb::class_<PolygonArrays>(module, "Polygons", "Multipolygons of K instances in nested offsets; see the stub.")
      .def_ro("points", &PolygonArrays::points)
      .def_ro("ring_splits", &PolygonArrays::ring_splits)
      .def_ro("part_splits", &PolygonArrays::part_splits)
      .def_ro("instance_splits", &PolygonArrays::instance_splits)
      .def_ro("areas", &PolygonArrays::areas)
      .def_ro("boxes", &PolygonArrays::boxes)
      .def("__len__", [](const PolygonArrays& polygons) { return polygons.count; });
  module.def("masks_to_polygons", masks_to_polygons_numpy, nb::arg("masks").noconvert(), nb::arg("boxes").noconvert(),
             nb::arg("image_sizes").noconvert(), nb::kw_only(), nb::arg("threshold"),
             nb::arg("rdp_thresholds").noconvert(), nb::arg("exact_boxes") = false, nb::arg("pool") = nb::none(),
             "Turns soft instance masks into polygons of the source image; see the stub for shapes.");
  module.def("binary_masks_to_polygons", binary_masks_to_polygons_numpy, nb::arg("masks").noconvert(), nb::kw_only(),
             nb::arg("rdp_thresholds").noconvert(), nb::arg("pool") = nb::none(),
             "Turns masks of whole images into polygons; see the stub.");
}

}  // namespace framecast::bindings
