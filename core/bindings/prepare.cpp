#include "framecast/prepare.h"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <optional>
#include <string>

#include "arrays.h"

namespace framecast::bindings {
namespace {

/// Rows may be any distance apart; the pixels of a row must be packed, which is checked.
using Plane = nb::ndarray<const std::uint8_t, nb::device::cpu>;
using Output = nb::ndarray<nb::ndim<4>, nb::device::cpu>;

bool rows_are_packed(const Plane& plane) {
  if (plane.ndim() == 2) return plane.shape(1) == 1 || plane.stride(1) == 1;
  const auto channels = static_cast<std::int64_t>(plane.shape(2));
  return (channels == 1 || plane.stride(2) == 1) && (plane.shape(1) == 1 || plane.stride(1) == channels);
}

ImageView view(const Plane& image) {
  const bool gray = image.ndim() == 2 || (image.ndim() == 3 && image.shape(2) == 1);
  require(gray || (image.ndim() == 3 && (image.shape(2) == 3 || image.shape(2) == 4)),
          "images: must be [H, W], or [H, W, 1], 3 or 4");
  require(image.size() > 0, "images: must not be empty");
  require(rows_are_packed(image), "images: the pixels of a row must be packed");
  const PixelFormat format = gray ? PixelFormat::gray : image.shape(2) == 3 ? PixelFormat::rgb : PixelFormat::rgba;
  return {image.data(), image.shape(0), image.shape(1), image.stride(0), format};
}

/// The planes of a 4:2:0 image, kept alive, and what their samples mean.
struct Yuv420Image {
  Yuv420Image(std::vector<Plane> given, const std::string& matrix, bool full_range, const std::string& siting)
      : planes(std::move(given)) {
    require(planes.size() == 2 || planes.size() == 3, "planes: must be Y, U, V or Y, UV");
    const Plane& luma = planes[0];
    require(luma.ndim() == 2 && luma.size() > 0, "planes: Y must be [H, W] and not empty");
    image = {luma.data(), luma.shape(0), luma.shape(1), luma.stride(0)};
    image.format = planes.size() == 3 ? PixelFormat::i420 : PixelFormat::nv12;
    const std::size_t height = (image.height + 1) / 2, width = (image.width + 1) / 2;
    for (std::size_t i = 1; i < planes.size(); ++i) {
      const Plane& chroma = planes[i];
      require(chroma.ndim() == (planes.size() == 3 ? 2u : 3u) && chroma.shape(0) == height && chroma.shape(1) == width,
              "planes: chroma must be [(H + 1) / 2, (W + 1) / 2], of two planes with a last dimension of 2");
      require(chroma.ndim() == 2 || chroma.shape(2) == 2, "planes: UV must have a last dimension of 2");
      image.chroma[i - 1] = chroma.data();
      image.chroma_strides[i - 1] = chroma.stride(0);
    }
    for (const Plane& plane : planes) {
      require(rows_are_packed(plane), "planes: the samples of a row must be packed");
    }
    image.yuv = {matrix_of(matrix), full_range, siting_of(siting)};
  }

  static YuvMatrix matrix_of(const std::string& name) {
    if (name == "bt601") return YuvMatrix::bt601;
    if (name == "bt709") return YuvMatrix::bt709;
    require(name == "bt2020", "matrix: must be bt601, bt709 or bt2020");
    return YuvMatrix::bt2020;
  }

  static ChromaSiting siting_of(const std::string& name) {
    if (name == "left") return ChromaSiting::left;
    if (name == "center") return ChromaSiting::center;
    require(name == "top_left", "chroma_siting: must be left, center or top_left");
    return ChromaSiting::top_left;
  }

  std::vector<Plane> planes;
  ImageView image{};
};

/// Images as views, and what keeps their memory alive while the GIL is released.
struct Images {
  explicit Images(const nb::sequence& sequence) {
    for (nb::handle item : sequence) {
      if (const Yuv420Image* yuv; nb::try_cast(item, yuv, false) && yuv != nullptr) {
        views.push_back(yuv->image);
        owners.push_back(nb::borrow(item));
      } else if (Plane plane; nb::try_cast(item, plane, false)) {
        views.push_back(view(plane));
        planes.push_back(std::move(plane));
      } else {
        throw nb::type_error("images: must be uint8 arrays or Yuv420Image");
      }
    }
  }

  std::vector<ImageView> views;
  std::vector<Plane> planes;
  std::vector<nb::object> owners;
};

BatchTensor tensor(const Output& out, const std::string& layout) {
  require(layout == "nchw" || layout == "nhwc", "layout: must be nchw or nhwc");
  BatchTensor tensor{out.data(), ElementType::float32, layout == "nchw" ? Layout::nchw : Layout::nhwc, out.shape(0), 0,
                     0,          out.stride(0)};
  if (out.dtype() == nb::dtype<std::uint8_t>()) {
    tensor.type = ElementType::uint8;
  } else if (out.dtype().code == static_cast<std::uint8_t>(nb::dlpack::dtype_code::Float) && out.dtype().bits == 16) {
    tensor.type = ElementType::float16;
  } else if (out.dtype() != nb::dtype<float>()) {
    throw nb::type_error("out: must be float32, float16 or uint8");
  }
  const std::size_t channels = tensor.layout == Layout::nchw ? 1 : 3;
  require(out.shape(channels) == 3, "out: must be [images, 3, height, width], or [images, height, width, 3] as nhwc");
  tensor.height = out.shape(tensor.layout == Layout::nchw ? 2 : 1);
  tensor.width = out.shape(tensor.layout == Layout::nchw ? 3 : 2);
  std::int64_t apart = 1;
  for (std::size_t i = 3; i > 0; --i) {
    if (out.size() > 0 && out.shape(i) != 1 && out.stride(i) != apart)
      throw nb::type_error("out: each image must be contiguous");
    apart *= static_cast<std::int64_t>(out.shape(i));
  }
  return tensor;
}

std::array<float, 3> triple(const Input<float, 1>& values, const char* message) {
  require(values.size() == 3, message);
  return {values.data()[0], values.data()[1], values.data()[2]};
}

void prepare_numpy(const nb::sequence& images, Input<std::int32_t, 2> regions, Output out, Input<float, 1> gain,
                   Input<float, 1> bias, Input<float, 1> pad, bool reverse_channels, bool round_to_uint8,
                   const std::string& layout, const std::optional<Input<std::int32_t, 1>>& orientations,
                   ThreadPool* pool) {
  Images given(images);
  require(regions.shape(0) == given.views.size() && regions.shape(1) == 4, "regions: must be [images, 4]");
  static_assert(sizeof(Region) == 4 * sizeof(std::int32_t));
  const std::span<const Region> areas{reinterpret_cast<const Region*>(regions.data()), regions.shape(0)};
  if (orientations) {
    require(orientations->size() == given.views.size(), "orientations: must have one entry per image");
    for (std::size_t b = 0; b < given.views.size(); ++b) given.views[b].orientation = orientations->data()[b];
  }
  const PrepareSettings settings{triple(gain, "gain: must be [3]"), triple(bias, "bias: must be [3]"),
                                 triple(pad, "pad: must be [3]"), reverse_channels, round_to_uint8};
  const BatchTensor target = tensor(out, layout);
  nb::gil_scoped_release release;
  thread_local PrepareWorkspace workspace;
  prepare(given.views, areas, settings, target, workspace, pool);
}

}  // namespace

void bind_prepare(nb::module_& module) {
  nb::class_<Yuv420Image>(module, "Yuv420Image", "A video frame as its decoder left it; see the stub.")
      .def(nb::init<std::vector<Plane>, const std::string&, bool, const std::string&>(), nb::arg("planes").noconvert(),
           nb::kw_only(), nb::arg("matrix"), nb::arg("full_range"), nb::arg("chroma_siting"));
  module.def("prepare", prepare_numpy, nb::arg("images"), nb::arg("regions").noconvert(), nb::arg("out").noconvert(),
             nb::kw_only(), nb::arg("gain").noconvert(), nb::arg("bias").noconvert(), nb::arg("pad").noconvert(),
             nb::arg("reverse_channels"), nb::arg("round_to_uint8"), nb::arg("layout") = "nchw",
             nb::arg("orientations").noconvert() = nb::none(), nb::arg("pool") = nb::none(),
             "Resizes, pads and normalises images into a batch tensor, in place; see the stub for shapes.");
}

}  // namespace framecast::bindings
