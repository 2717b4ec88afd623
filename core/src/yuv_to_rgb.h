#pragma once

#include "framecast/image_view.h"
#include "kernels/prepare.h"

namespace framecast {

/// The coefficients of ITU-R BT.601, BT.709 and BT.2020 (not constant luminance), from Kr and Kb.
inline kernels::YuvToRgb yuv_to_rgb(const YuvEncoding& yuv) {
  const double red = yuv.matrix == YuvMatrix::bt601 ? 0.299 : yuv.matrix == YuvMatrix::bt709 ? 0.2126 : 0.2627;
  const double blue = yuv.matrix == YuvMatrix::bt601 ? 0.114 : yuv.matrix == YuvMatrix::bt709 ? 0.0722 : 0.0593;
  const double green = 1 - red - blue;
  const double luma = yuv.full_range ? 1 : 255.0 / 219;
  const double chroma = yuv.full_range ? 1 : 255.0 / 224;
  return {static_cast<float>(luma),
          yuv.full_range ? 0.0f : 16.0f,
          static_cast<float>(2 * (1 - red) * chroma),
          static_cast<float>(2 * (1 - blue) * blue / green * chroma),
          static_cast<float>(2 * (1 - red) * red / green * chroma),
          static_cast<float>(2 * (1 - blue) * chroma)};
}

}  // namespace framecast
