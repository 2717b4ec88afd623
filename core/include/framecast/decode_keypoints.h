#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "framecast/box.h"
#include "framecast/point.h"
#include "framecast/tensor.h"
#include "framecast/thread_pool.h"

namespace framecast {

/// The outputs of an R-CNN keypoint head: a heat map per keypoint, stretched over the box of its instance.
struct KeypointHeadOutputs {
  Tensor heatmaps;             ///< [K * J * height * width] logits.
  std::span<const Box> boxes;  ///< [K]; keypoints are in their pixels.
  std::size_t keypoints;       ///< J
  std::size_t height;          ///< Of a heat map; in [1, 4096], as is the width.
  std::size_t width;
};

/// The keypoints of instance k are rows k * J to (k + 1) * J.
struct Keypoints {
  std::vector<Point> points;
  std::vector<float> scores;
};

/// Along one axis, what each pixel of a map that is stretched by bicubic convolution is made of.
struct BicubicAxis {
  /// Cell c lies between source values c - 1 and c: its pixels are cell_begin[c] to cell_begin[c + 1].
  std::vector<std::size_t> cell_begin;
  std::vector<float> weights;  ///< Of source values c - 2 to c + 1, each weight for all pixels.
};

/// What one thread needs for one heat map at a time.
struct KeypointScratch {
  BicubicAxis rows;
  BicubicAxis columns;
  std::vector<float> map;    ///< With its border repeated twice.
  std::vector<float> upper;  ///< Bounds of what a row of the map reaches in a cell.
  std::vector<float> lower;
  std::vector<float> stretched;  ///< Four rows of the map, each pixel wide; then one of their mix.
};

/// Memory of `decode_keypoints`, reused across calls; one per caller.
struct KeypointWorkspace {
  std::vector<KeypointScratch> threads;
};

/// Finds each keypoint where its heat map is highest, as torchvision's heatmaps_to_keypoints does.
///
/// The map is stretched to the box's sides, rounded up and at least 1, by bicubic convolution (A = -0.75, half-pixel
/// centres, as PyTorch's interpolate has it). The keypoint is the centre of the highest pixel, ties to the upper and
/// then the left one, moved by the box's corner; its score is the pixel's value. Of the stretched map only the cells
/// whose bound reaches the highest pixel so far are computed.
/// A map with a number that is NaN or beyond +-1e37, or whose box has a coordinate that is not finite or a side above
/// 8192, gives NaN for x, y and score. Instances are shared among the threads of `pool`, where there is one.
/// Throws std::invalid_argument, naming the argument, where lengths do not fit.
void decode_keypoints(const KeypointHeadOutputs& outputs, Keypoints& out, KeypointWorkspace& workspace,
                      ThreadPool* pool = nullptr);

}  // namespace framecast
