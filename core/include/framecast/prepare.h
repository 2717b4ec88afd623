#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "framecast/image_view.h"
#include "framecast/thread_pool.h"

namespace framecast {

/// Where a resized image lands in the output, in output pixels. Laid out as a row of an int32 [B, 4] array.
struct Region {
  std::int32_t x;
  std::int32_t y;
  std::int32_t width;
  std::int32_t height;
};

struct PrepareSettings {
  std::array<float, 3> gain;  ///< Per output channel: value = pixel * gain + bias.
  std::array<float, 3> bias;
  std::array<float, 3> pad;  ///< The output outside the region, as it is.
  bool reverse_channels;     ///< Output channel c is image channel 2 - c (BGR to RGB and back).
  bool round_to_uint8;       ///< Round the resized pixel half up before gain and bias, as an 8-bit resize does.
};

enum class ElementType : std::uint8_t {
  float32,
  float16,  ///< Rounded to the nearest, ties to even; infinite beyond 65504.
  uint8,    ///< Rounded half up and cut to [0, 255].
};

enum class Layout : std::uint8_t {
  nchw,
  nhwc,
};

/// A batch tensor of three channels, or some slots of one.
struct BatchTensor {
  void* data;
  ElementType type;
  Layout layout;
  std::size_t images;
  std::size_t height;
  std::size_t width;
  std::ptrdiff_t image_stride;  ///< In elements; at least 3 * height * width either way. Images are contiguous.
};

struct PrepareScratch;

/// Memory of `prepare`, reused across calls; one per caller.
struct PrepareWorkspace {
  PrepareWorkspace();
  ~PrepareWorkspace();
  PrepareWorkspace(const PrepareWorkspace&) = delete;
  PrepareWorkspace& operator=(const PrepareWorkspace&) = delete;

  std::vector<std::unique_ptr<PrepareScratch>> threads;
};

/// Resizes, pads and normalises images into a batch tensor, each image into its slot, in one pass over its pixels.
///
/// An image is turned as its orientation says, then resized to its region: bilinear with half-pixel centres, no
/// antialias, edges clamped: source = (target + 0.5) * (source size / region size) - 0.5. The rule is that of PyTorch's
/// interpolate(mode="bilinear", align_corners=False). At scale 1 pixels are exact. Arithmetic is float32, column
/// weights have 23 bits: within 1e-4 of a pixel's step of the rule in double.
/// Of a YUV image, each plane is resized so, the chroma at the position that its siting gives, and then converted:
/// R = Y' + 2 (1 - Kr) V', G = Y' - (2 Kb (1 - Kb) U' + 2 Kr (1 - Kr) V') / (1 - Kr - Kb), B = Y' + 2 (1 - Kb) U', cut
/// to [0, 255]; Y' = 255 / 219 (Y - 16), U' = 255 / 224 (U - 128), V' alike, or of full range Y, U - 128, V - 128.
/// The result is that of chroma upsampled bilinearly, converted and resized, but for values that would be cut before.
/// Every value of `out` is written. Images, or bands of rows where they are few, are shared among the threads of
/// `pool`. Throws std::invalid_argument, naming the argument: an empty image, a region that leaves the output, wrong
/// lengths.
void prepare(std::span<const ImageView> images, std::span<const Region> regions, const PrepareSettings& settings,
             const BatchTensor& out, PrepareWorkspace& workspace, ThreadPool* pool = nullptr);

}  // namespace framecast
