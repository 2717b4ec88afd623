#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace framecast {

/// An 8-bit image of three interleaved channels; rows may be any number of bytes apart.
struct ImageView {
  const std::uint8_t* pixels;
  std::size_t height;
  std::size_t width;
  std::ptrdiff_t row_stride;
};

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
  bool reverse_channels;     ///< Output channel c is input channel 2 - c (BGR to RGB and back).
  bool round_to_uint8;       ///< Round the resized pixel half up before gain and bias, as an 8-bit resize does.
};

/// Memory of `prepare`, reused across calls; one per thread.
struct PrepareWorkspace {
  std::vector<std::size_t> columns;
  std::vector<std::uint32_t> offsets;
  std::vector<float> weights;
  std::vector<float> rows;
};

/// Resizes, pads and normalises images into a batch tensor float32 [B, 3, height, width].
///
/// Bilinear with half-pixel centres, no antialias, edges clamped: source = (target + 0.5) * (source size / region
/// size) - 0.5. The rule is that of PyTorch's interpolate(mode="bilinear", align_corners=False). At scale 1 pixels
/// are exact. Every value of `out` is written.
/// Throws std::invalid_argument, naming the argument: an empty image, a region that leaves the output, wrong lengths.
void prepare(std::span<const ImageView> images, std::span<const Region> regions, const PrepareSettings& settings,
             std::span<float> out, std::size_t height, std::size_t width, PrepareWorkspace& workspace);

}  // namespace framecast
