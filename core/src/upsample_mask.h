#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "mask_runs.h"

namespace framecast {

/// Along one axis, which two of the source's values each target pixel lies between.
struct UpsampledAxis {
  std::vector<std::int32_t> first;  ///< The second is the next one, or the same for the last.
  std::vector<float> weights;       ///< Of the second value, in [0, 1]; then room that kernels may read.

  /// Pixel i lies at max(0, scale * (target + i + 0.5) - 0.5 + offset), in float32, as PyTorch's bilinear resize has
  /// it.
  void sample(std::int64_t target, std::size_t count, float scale, float offset, std::size_t source_size);
};

/// A mask of few values, stretched over many pixels.
struct UpsampledMask {
  std::vector<float> values;  ///< [height * stride], a row's room up to the stride for kernels that read whole blocks.
  std::size_t height = 0;
  std::size_t width = 0;
  std::size_t stride = 0;
  UpsampledAxis rows;
  UpsampledAxis columns;

  /// Makes room for a mask of the given size, all zero.
  void reset(std::size_t mask_height, std::size_t mask_width);
  float* row(std::size_t y) { return values.data() + y * stride; }
};

/// Memory of `upsample_mask`, reused across calls.
struct UpsampleScratch {
  std::vector<std::uint32_t> cell_begin;
  std::vector<float> values;
  std::vector<std::uint64_t> above;
};

/// Writes to `runs`, which is clear, height x width pixels: the runs where the interpolated value > threshold.
///
/// Each pixel is (1 - wx) * ((1 - wy) * a + wy * c) + wx * ((1 - wy) * b + wy * d) in float32, in this order.
void upsample_mask(const UpsampledMask& mask, std::size_t height, std::size_t width, float threshold, MaskRuns& runs,
                   UpsampleScratch& scratch);

}  // namespace framecast
