#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "framecast/tensor.h"
#include "framecast/thread_pool.h"

namespace framecast {

/// Where a picture lies in its map, in units of the map's values; value (i, j) covers [i, i + 1) x [j, j + 1).
struct MapRegion {
  float x, y, width, height;
};

/// The output of a semantic segmentation network: a map of logits per channel.
struct SegmentationOutputs {
  Tensor logits;         ///< [B * channels * height * width]
  std::size_t channels;  ///< C, and the background where there is one.
  std::size_t height;    ///< Of a map; in [1, 4096], as is the width.
  std::size_t width;
  std::span<const MapRegion> regions;         ///< [B]
  std::span<const std::int32_t> image_sizes;  ///< [B * 2]: height, width in pixels; in [1, 65536].
  bool background_first;                      ///< Channel 0 is no class.
};

struct SegmentationSettings {
  std::span<const float> score_thresholds;     ///< [B]; a pixel needs score > threshold. Must not be NaN.
  std::span<const std::uint8_t> class_filter;  ///< [B * C], non-zero = allowed; empty = every class.
};

/// Label maps as runs, row after row from the top left; picture b owns runs splits[b] to splits[b + 1].
struct LabelRuns {
  std::vector<std::int64_t> splits;
  std::vector<std::uint32_t> lengths;
  std::vector<std::int32_t> classes;  ///< From 0, without the background; -1: no class.
  std::vector<std::int64_t> areas;    ///< [B * C] pixels of each class.
};

/// What one thread needs for one picture at a time.
struct SegmentationScratch {
  std::vector<float> maps;           ///< The picture's logits in float32.
  std::vector<std::int32_t> corner;  ///< Best channel of each map value; -1 where one is not finite.
  std::vector<std::uint32_t> cell_begin;
  std::vector<float> fractions, best, values;
  std::vector<std::int32_t> labels;  ///< Of one row of the picture.
};

/// The runs of one picture, before those of all are joined.
struct PictureRuns {
  std::vector<std::uint32_t> lengths;
  std::vector<std::int32_t> classes;
};

/// Memory of `decode_segmentation`, reused across calls; one per caller.
struct SegmentationWorkspace {
  std::vector<SegmentationScratch> threads;
  std::vector<PictureRuns> pictures;
};

/// Gives every pixel of each picture the channel whose logit, interpolated bilinearly at the pixel's centre, is
/// highest.
///
/// Half-pixel centres and repeated borders, as PyTorch's interpolate(align_corners=False) has it; ties to the lower
/// channel. A pixel whose best channel is the background, is not allowed, or has a softmax of no more than the
/// threshold has no class. A channel that is NaN at a pixel never wins there. Pictures are shared among the threads of
/// `pool`, where there is one. Throws std::invalid_argument, naming the argument, where lengths or values do not fit.
void decode_segmentation(const SegmentationOutputs& outputs, const SegmentationSettings& settings, LabelRuns& out,
                         SegmentationWorkspace& workspace, ThreadPool* pool = nullptr);

}  // namespace framecast
