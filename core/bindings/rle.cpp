#include "framecast/rle.h"

#include <string_view>

#include "arrays.h"
#include "polygon_arrays.h"
#include "recycled.h"

namespace framecast::bindings {
namespace {

RleWorkspace& workspace() {
  thread_local RleWorkspace workspace;
  return workspace;
}

std::span<const std::int32_t> sizes_of(const Input<std::int32_t, 2>& image_sizes, std::size_t count) {
  require(image_sizes.shape(0) == count && image_sizes.shape(1) == 2, "image_sizes: must be [K, 2]");
  return span(image_sizes);
}

std::size_t mask_count(const Input<std::int64_t, 1>& splits) {
  require(splits.size() > 0, "splits: must not be empty");
  return splits.size() - 1;
}

nb::tuple to_tuple(std::unique_ptr<Rle> result) {
  Rle& rle = *result;
  const nb::capsule owner = Recycled<Rle>::release(std::move(result));
  return nb::make_tuple(view(rle.counts, owner), view(rle.splits, owner));
}

nb::tuple masks_to_rle_numpy(Pixels masks, ThreadPool* pool) {
  const BinaryMasks binary = binary_masks(masks);
  const std::size_t count = masks.shape(0);
  auto out = Recycled<Rle>::take();
  {
    nb::gil_scoped_release release;
    masks_to_rle(binary, count, *out, workspace(), pool);
  }
  return to_tuple(std::move(out));
}

nb::object rle_to_masks_numpy(Input<std::uint32_t, 1> counts, Input<std::int64_t, 1> splits, std::int64_t height,
                              std::int64_t width, ThreadPool* pool) {
  require(height >= 0 && height <= 1 << 24, "height: must be in [0, 2^24]");
  require(width >= 0 && width <= 1 << 24, "width: must be in [0, 2^24]");
  const std::size_t count = mask_count(splits);
  std::vector<std::int32_t> image_sizes;
  for (std::size_t k = 0; k < count; ++k) {
    image_sizes.insert(image_sizes.end(), {static_cast<std::int32_t>(height), static_cast<std::int32_t>(width)});
  }
  const RleView rle{span(counts), span(splits), image_sizes};
  require_rle(rle);  // Before there is memory for the masks.
  const std::size_t pixels = count * static_cast<std::size_t>(height * width);
  auto* masks = new std::vector<std::uint8_t>();
  nb::capsule owner(masks, [](void* p) noexcept { delete static_cast<std::vector<std::uint8_t>*>(p); });
  {
    nb::gil_scoped_release release;
    masks->resize(pixels);
    rle_to_masks(rle, *masks, workspace(), pool);
  }
  return nb::cast(nb::ndarray<nb::numpy, std::uint8_t, nb::ndim<3>>(
      masks->data(), {count, static_cast<std::size_t>(height), static_cast<std::size_t>(width)}, owner));
}

PolygonArrays rle_to_polygons_numpy(Input<std::uint32_t, 1> counts, Input<std::int64_t, 1> splits,
                                    Input<std::int32_t, 2> image_sizes, Input<float, 1> rdp_thresholds,
                                    ThreadPool* pool) {
  const RleView rle{span(counts), span(splits), sizes_of(image_sizes, mask_count(splits))};
  auto out = Recycled<Polygons>::take();
  {
    nb::gil_scoped_release release;
    rle_to_polygons(rle, span(rdp_thresholds), *out, mask_workspace(), pool);
  }
  return to_arrays(std::move(out));
}

struct Measured {
  std::vector<std::int64_t> areas;
  std::vector<Box> boxes;
};

nb::tuple measure_rle_numpy(Input<std::uint32_t, 1> counts, Input<std::int64_t, 1> splits,
                            Input<std::int32_t, 2> image_sizes) {
  const RleView rle{span(counts), span(splits), sizes_of(image_sizes, mask_count(splits))};
  auto result = Recycled<Measured>::take();
  {
    nb::gil_scoped_release release;
    result->areas.resize(mask_count(splits));
    result->boxes.resize(mask_count(splits));
    measure_rle(rle, result->areas, result->boxes);
  }
  Measured& measured = *result;
  const nb::capsule owner = Recycled<Measured>::release(std::move(result));
  return nb::make_tuple(view(measured.areas, owner), view(measured.boxes, owner));
}

nb::list compress_rle_numpy(Input<std::uint32_t, 1> counts, Input<std::int64_t, 1> splits) {
  thread_local std::vector<char> text;
  thread_local std::vector<std::int64_t> text_splits;
  {
    nb::gil_scoped_release release;
    compress_rle(span(counts), span(splits), text, text_splits);
  }
  nb::list strings;
  for (std::size_t k = 0; k + 1 < text_splits.size(); ++k) {
    strings.append(
        nb::bytes(text.data() + text_splits[k], static_cast<std::size_t>(text_splits[k + 1] - text_splits[k])));
  }
  return strings;
}

nb::tuple decompress_rle_numpy(nb::sequence strings, Input<std::int32_t, 2> image_sizes) {
  std::vector<nb::bytes> held;  // Keeps the characters alive while the GIL is released.
  std::vector<std::string_view> views;
  for (nb::handle string : strings) {
    held.push_back(nb::cast<nb::bytes>(string));
    views.emplace_back(held.back().c_str(), held.back().size());
  }
  const std::span<const std::int32_t> sizes = sizes_of(image_sizes, views.size());
  auto out = Recycled<Rle>::take();
  {
    nb::gil_scoped_release release;
    decompress_rle(views, sizes, *out);
  }
  return to_tuple(std::move(out));
}

}  // namespace

void bind_rle(nb::module_& module) {
  module.def("masks_to_rle", masks_to_rle_numpy, nb::arg("masks").noconvert(), nb::kw_only(),
             nb::arg("pool") = nb::none(), "COCO run lengths of masks of whole images; see the stub.");
  module.def("rle_to_masks", rle_to_masks_numpy, nb::arg("counts").noconvert(), nb::arg("splits").noconvert(),
             nb::arg("height"), nb::arg("width"), nb::kw_only(), nb::arg("pool") = nb::none(),
             "Masks from COCO run lengths; see the stub.");
  module.def("rle_to_polygons", rle_to_polygons_numpy, nb::arg("counts").noconvert(), nb::arg("splits").noconvert(),
             nb::arg("image_sizes").noconvert(), nb::kw_only(), nb::arg("rdp_thresholds").noconvert(),
             nb::arg("pool") = nb::none(), "Polygons from COCO run lengths; see the stub.");
  module.def("measure_rle", measure_rle_numpy, nb::arg("counts").noconvert(), nb::arg("splits").noconvert(),
             nb::arg("image_sizes").noconvert(), "Areas and boxes of COCO run lengths; see the stub.");
  module.def("compress_rle", compress_rle_numpy, nb::arg("counts").noconvert(), nb::arg("splits").noconvert(),
             "COCO's compressed strings of run lengths; see the stub.");
  module.def("decompress_rle", decompress_rle_numpy, nb::arg("strings"), nb::arg("image_sizes").noconvert(),
             "Run lengths from COCO's compressed strings; see the stub.");
}

}  // namespace framecast::bindings
