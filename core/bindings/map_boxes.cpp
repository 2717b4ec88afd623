#include "framecast/map_boxes.h"

#include "arrays.h"
#include "recycled.h"

namespace framecast::bindings {
namespace {

nb::tuple map_boxes_numpy(Input<float, 2> boxes, Input<std::int64_t, 1> kept, Input<std::int64_t, 1> splits,
                          Input<float, 2> placements, Input<std::int32_t, 2> image_sizes, bool clip, ThreadPool* pool) {
  require(image_sizes.shape(1) == 2, "image_sizes: must be [B, 2]");
  const PlacedBoxes placed{rows<Box>(boxes, "boxes: must be [N, 4]"), span(kept), span(splits),
                           rows<Placement>(placements, "placements: must be [B, 4]"), span(image_sizes)};
  auto result = Recycled<SourceBoxes>::take();
  {
    nb::gil_scoped_release release;
    map_boxes(placed, clip, *result, pool);
  }
  SourceBoxes& found = *result;
  const nb::capsule owner = Recycled<SourceBoxes>::release(std::move(result));
  return nb::make_tuple(view(found.boxes, owner), view(found.rows, owner), view(found.splits, owner));
}

}  // namespace

void bind_map_boxes(nb::module_& module) {
  module.def("map_boxes", map_boxes_numpy, nb::arg("boxes").noconvert(), nb::arg("rows").noconvert(),
             nb::arg("splits").noconvert(), nb::arg("placements").noconvert(), nb::arg("image_sizes").noconvert(),
             nb::kw_only(), nb::arg("clip") = true, nb::arg("pool") = nb::none(),
             "Maps boxes from the network's input back to the pixels of their images; see the stub.");
}

}  // namespace framecast::bindings
