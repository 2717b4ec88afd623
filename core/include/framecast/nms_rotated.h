#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "framecast/candidate_order.h"
#include "framecast/nms.h"
#include "framecast/thread_pool.h"

namespace framecast {

/// A box turned about its centre, in pixels. Laid out as a row of a float32 [N, 5] array.
///
/// The angle is in radians, of any size, from the x axis towards the y axis: clockwise on a screen whose y points down.
struct RotatedBox {
  float cx;
  float cy;
  float width;
  float height;
  float angle;
};
static_assert(sizeof(RotatedBox) == 5 * sizeof(float));

/// The candidates of a batch of images: image b owns rows splits[b] to splits[b + 1].
struct RotatedNmsBatch {
  std::span<const RotatedBox> boxes;      ///< [N]
  std::span<const float> scores;          ///< [N]
  std::span<const std::int32_t> classes;  ///< [N], any labels.
  std::span<const std::int64_t> splits;   ///< [B + 1], from 0 to N, never falling.
};

/// A rotated box as its exact overlap with another one is computed.
struct OrientedBox {
  double cx;
  double cy;
  double cos;
  double sin;
  double half_width;
  double half_height;
  double area;
};

/// What one thread needs for one image at a time.
struct RotatedNmsScratch {
  CandidateOrder order;
  std::vector<std::uint32_t> kept;  ///< Per group: how many boxes with an area it keeps so far.
  std::vector<float> columns[5];    ///< Bounds and area of the boxes kept, a part per group.
  std::vector<OrientedBox> oriented;
};

/// Memory of `nms_rotated`, reused across calls; one per caller.
struct RotatedNmsWorkspace {
  std::vector<RotatedNmsScratch> threads;
};

/// Greedy non-maximum suppression of rotated boxes per class.
///
/// Settings, order, result and refusals are those of `nms`. IoU is that of the two rectangles, computed in float64 in
/// the frame of the box with the higher score, and is exact up to that rounding; IoU > threshold suppresses.
/// A row with a NaN score or any non-finite number is dropped. A box whose width or height is not above 0 neither
/// suppresses nor is suppressed.
std::size_t nms_rotated(const RotatedNmsBatch& batch, const NmsSettings& settings, std::span<std::int64_t> keep,
                        std::span<std::int64_t> keep_splits, RotatedNmsWorkspace& workspace,
                        ThreadPool* pool = nullptr);

}  // namespace framecast
