#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace framecast {

/// How the 8-bit samples of an image lie in memory.
enum class PixelFormat : std::uint8_t {
  rgb,   ///< Three interleaved channels, in whatever order.
  rgba,  ///< Four interleaved channels, of which the fourth is ignored.
  gray,  ///< One channel, which becomes all three.
  i420,  ///< YUV 4:2:0 in three planes: Y, U, V.
  nv12,  ///< YUV 4:2:0 in two planes: Y, and U and V interleaved.
};

/// The coefficients of a YUV image (ITU-T H.273: matrix coefficients 5 and 6, 1, 9).
enum class YuvMatrix : std::uint8_t { bt601, bt709, bt2020 };

/// Where the chroma samples of a 4:2:0 image lie, between the luma samples that they belong to.
enum class ChromaSiting : std::uint8_t {
  left,      ///< Beside the left ones, half-way down: MPEG-2, H.264, H.265 unless they say otherwise.
  center,    ///< In the middle of the four: JPEG, MPEG-1.
  top_left,  ///< On the upper left one: BT.2020 video.
};

struct YuvEncoding {
  YuvMatrix matrix = YuvMatrix::bt709;
  bool full_range = false;  ///< Y, U and V use 0 to 255, not 16 to 235 and 16 to 240.
  ChromaSiting siting = ChromaSiting::left;
};

/// An 8-bit image; the rows of a plane may be any number of bytes apart, the pixels of a row are packed.
struct ImageView {
  const std::uint8_t* pixels;  ///< Of a YUV image the luma.
  std::size_t height;
  std::size_t width;
  std::ptrdiff_t row_stride;
  PixelFormat format = PixelFormat::rgb;
  /// U and V, for nv12 both in the first; (height + 1) / 2 rows of (width + 1) / 2 samples.
  std::array<const std::uint8_t*, 2> chroma{};
  std::array<std::ptrdiff_t, 2> chroma_strides{};
  YuvEncoding yuv{};
  /// How to turn the image before it is used, as EXIF says it: 1 as it is, 2 mirrored, 3 by 180 degrees, 4 upside down,
  /// 5 transposed, 6 by 90 degrees clockwise, 7 transposed along the other diagonal, 8 by 90 degrees the other way.
  int orientation = 1;
};

}  // namespace framecast
