#include "framecast/prepare.h"

#include <nanobind/stl/vector.h>

#include "arrays.h"

namespace framecast::bindings {
namespace {

/// Rows may be any distance apart; the pixels of a row must be packed, which is checked.
using Image = nb::ndarray<const std::uint8_t, nb::ndim<3>, nb::device::cpu>;
using Output = nb::ndarray<float, nb::ndim<4>, nb::c_contig, nb::device::cpu>;

ImageView view(const Image& image) {
  require(image.shape(2) == 3, "images: must be [H, W, 3]");
  require(image.size() > 0, "images: must not be empty");
  require(image.stride(2) == 1 && (image.shape(1) == 1 || image.stride(1) == 3),
          "images: the pixels of a row must be packed");
  return {image.data(), image.shape(0), image.shape(1), image.stride(0)};
}

std::array<float, 3> triple(const Input<float, 1>& values, const char* message) {
  require(values.size() == 3, message);
  return {values.data()[0], values.data()[1], values.data()[2]};
}

void prepare_numpy(const std::vector<Image>& images, Input<std::int32_t, 2> regions, Output out, Input<float, 1> gain,
                   Input<float, 1> bias, Input<float, 1> pad, bool reverse_channels, bool round_to_uint8) {
  std::vector<ImageView> views;
  for (const Image& image : images) views.push_back(view(image));
  require(regions.shape(0) == images.size() && regions.shape(1) == 4, "regions: must be [images, 4]");
  require(out.shape(0) == images.size() && out.shape(1) == 3, "out: must be [images, 3, height, width]");
  static_assert(sizeof(Region) == 4 * sizeof(std::int32_t));
  const std::span<const Region> areas{reinterpret_cast<const Region*>(regions.data()), regions.shape(0)};
  const PrepareSettings settings{triple(gain, "gain: must be [3]"), triple(bias, "bias: must be [3]"),
                                 triple(pad, "pad: must be [3]"), reverse_channels, round_to_uint8};
  nb::gil_scoped_release release;
  thread_local PrepareWorkspace workspace;
  prepare(views, areas, settings, {out.data(), out.size()}, out.shape(2), out.shape(3), workspace);
}

}  // namespace

void bind_prepare(nb::module_& module) {
  module.def("prepare", prepare_numpy, nb::arg("images").noconvert(), nb::arg("regions").noconvert(),
             nb::arg("out").noconvert(), nb::kw_only(), nb::arg("gain").noconvert(), nb::arg("bias").noconvert(),
             nb::arg("pad").noconvert(), nb::arg("reverse_channels"), nb::arg("round_to_uint8"),
             "Resizes, pads and normalises images into a batch tensor, in place; see the stub for shapes.");
}

}  // namespace framecast::bindings
