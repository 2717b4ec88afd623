#include "framecast/nms_rotated.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "candidate_order.h"
#include "kernels/nms.h"
#include "kernels/nms_rotated.h"
#include "suppression_batch.h"

namespace framecast {
namespace {

void check(const RotatedNmsBatch& batch, const NmsSettings& settings, std::span<const std::int64_t> keep,
           std::span<const std::int64_t> keep_splits) {
  require_rows(batch.boxes.size(), batch.scores, batch.classes, batch.splits);
  const std::size_t images = batch.splits.size() - 1;
  require_iou_thresholds(settings.iou_thresholds, images);
  require_score_thresholds(settings.score_thresholds, images);
  require_max_detections(settings.max_detections, images);
  require_class_agnostic(settings.class_agnostic, images);
  require(keep.size() >= batch.boxes.size(), "keep: must be at least as long as boxes");
  require(keep_splits.size() == batch.splits.size(), "keep_splits: must be as long as splits");
}

bool is_finite(const RotatedBox& box) {
  return std::isfinite(box.cx) && std::isfinite(box.cy) && std::isfinite(box.width) && std::isfinite(box.height) &&
         std::isfinite(box.angle);
}

OrientedBox oriented(const RotatedBox& box) {
  const double angle = box.angle, width = box.width, height = box.height;
  return {box.cx, box.cy, std::cos(angle), std::sin(angle), width / 2, height / 2, width * height};
}

/// Bounds that hold the box for certain: the slack is far above the rounding to float32.
Box bounds_of(const OrientedBox& box) {
  const double cos = std::abs(box.cos), sin = std::abs(box.sin);
  const double half_x = cos * box.half_width + sin * box.half_height;
  const double half_y = sin * box.half_width + cos * box.half_height;
  const double slack_x = 1e-6 * (std::abs(box.cx) + half_x) + 1e-44;
  const double slack_y = 1e-6 * (std::abs(box.cy) + half_y) + 1e-44;
  auto narrow = [](double value) {
    constexpr double kLargest = std::numeric_limits<float>::max();
    if (value > kLargest) return std::numeric_limits<float>::infinity();
    if (value < -kLargest) return -std::numeric_limits<float>::infinity();
    return static_cast<float>(value);
  };
  return {narrow(box.cx - half_x - slack_x), narrow(box.cy - half_y - slack_y), narrow(box.cx + half_x + slack_x),
          narrow(box.cy + half_y + slack_y)};
}

/// Not above the box's area, and neither subnormal nor so large that a sum of two overflows.
float area_at_most(const OrientedBox& box) {
  return box.area < 1e-30 ? 0 : static_cast<float>(std::min(box.area * 0.999999, 1e38));
}

/// How much of `b`'s bounds, in the frame of the other box, lies in that box: never less than what they share.
double shared_bounds(const OrientedBox& a, const OrientedBox& b, double x, double y, double cos, double sin) {
  const double half_x = cos * b.half_width + sin * b.half_height, half_y = sin * b.half_width + cos * b.half_height;
  const double width = std::min(a.half_width, x + half_x) - std::max(-a.half_width, x - half_x);
  const double height = std::min(a.half_height, y + half_y) - std::max(-a.half_height, y - half_y);
  return width > 0 && height > 0 ? width * height : 0;
}

/// True if IoU > threshold; `share` is least_share(threshold).
bool overlaps(const OrientedBox& a, const OrientedBox& b, double threshold, double share,
              kernels::OverlapArea overlap_area) {
  const double areas = a.area + b.area, least = share * areas;
  if (std::min(a.area, b.area) < least) return false;
  const kernels::RelativeBox b_in_a = kernels::relative(a, b);
  const double cos = std::abs(b_in_a.cos), sin = std::abs(b_in_a.sin);
  const double in_a = shared_bounds(a, b, b_in_a.x, b_in_a.y, cos, sin);
  if (in_a == 0 || in_a < least) return false;
  const double dx = a.cx - b.cx, dy = a.cy - b.cy;
  const double in_b = shared_bounds(b, a, dx * b.cos + dy * b.sin, dy * b.cos - dx * b.sin, cos, sin);
  if (in_b == 0 || in_b < least) return false;
  const double inter = overlap_area(a, b, b_in_a);
  return inter / (areas - inter) > threshold;
}

/// The boxes kept so far in one group.
struct Kept {
  kernels::BoxColumns columns;
  OrientedBox* oriented;

  void add(const OrientedBox& box, const Box& bounds, float area) {
    const std::size_t at = columns.count++;
    columns.x1[at] = bounds.x1;
    columns.y1[at] = bounds.y1;
    columns.x2[at] = bounds.x2;
    columns.y2[at] = bounds.y2;
    columns.area[at] = area;
    oriented[at] = box;
  }
};

bool suppressed(const Kept& kept, const OrientedBox& box, const Box& bounds, float area, float threshold,
                const kernels::RotatedNmsKernels& kernel) {
  const float share = kernels::least_share(threshold);
  for (std::size_t begin = 0; begin < kept.columns.count; begin += 64) {
    std::uint64_t bits = kernel.may_overlap(kept.columns, begin, bounds, area, share);
    for (; bits != 0; bits &= bits - 1) {
      const std::size_t rival = begin + static_cast<std::size_t>(std::countr_zero(bits));
      if (overlaps(kept.oriented[rival], box, threshold, share, kernel.overlap_area)) return true;
    }
  }
  return false;
}

std::size_t nms_of_image(const RotatedNmsBatch& batch, const NmsSettings& settings, std::size_t image,
                         const kernels::RotatedNmsKernels& kernel, RotatedNmsScratch& scratch, std::int64_t* keep) {
  const auto first = static_cast<std::size_t>(batch.splits[image]);
  const auto count = static_cast<std::size_t>(batch.splits[image + 1]) - first;
  const RotatedBox* boxes = batch.boxes.data() + first;
  CandidateOrder& order = scratch.order;
  order_candidates(batch.scores.subspan(first, count), settings.score_thresholds[image], order,
                   [boxes](std::size_t row) { return is_finite(boxes[row]); });
  group_candidates(batch.classes.subspan(first, count), settings.class_agnostic[image] != 0, order);

  scratch.kept.assign(order.group_count, 0);
  for (auto& column : scratch.columns) column.resize(std::max(column.size(), order.size()));
  scratch.oriented.resize(std::max(scratch.oriented.size(), order.size()));
  const float threshold = settings.iou_thresholds[image];
  const auto limit = static_cast<std::size_t>(settings.max_detections[image]);
  std::size_t total = 0;
  for (std::size_t i = 0; i < order.size() && total < limit; ++i) {
    const RotatedBox& box = boxes[order.row(i)];
    if (box.width > 0 && box.height > 0) {
      const std::uint32_t group = order.groups[i], start = order.starts[group];
      auto column = [&](std::size_t c) { return scratch.columns[c].data() + start; };
      Kept kept{{column(0), column(1), column(2), column(3), column(4), scratch.kept[group]},
                scratch.oriented.data() + start};
      const OrientedBox turned = oriented(box);
      const Box bounds = bounds_of(turned);
      const float area = area_at_most(turned);
      if (suppressed(kept, turned, bounds, area, threshold, kernel)) continue;
      kept.add(turned, bounds, area);
      ++scratch.kept[group];
    }
    keep[total++] = static_cast<std::int64_t>(first + order.row(i));
  }
  return total;
}

}  // namespace

std::size_t nms_rotated(const RotatedNmsBatch& batch, const NmsSettings& settings, std::span<std::int64_t> keep,
                        std::span<std::int64_t> keep_splits, RotatedNmsWorkspace& workspace, ThreadPool* pool) {
  check(batch, settings, keep, keep_splits);
  const kernels::RotatedNmsKernels kernel = kernels::nms_rotated_kernels(active_isa());
  workspace.threads.resize(std::max(workspace.threads.size(), thread_count(pool)));
  // Each image writes where its candidates lie, whatever the others keep; then the gaps are closed.
  run(pool, batch.splits.size() - 1, [&](std::size_t image, std::size_t thread) {
    keep_splits[image + 1] = static_cast<std::int64_t>(
        nms_of_image(batch, settings, image, kernel, workspace.threads[thread], keep.data() + batch.splits[image]));
  });
  add_up(keep_splits);
  close_gaps(keep, batch.splits, keep_splits);
  return static_cast<std::size_t>(keep_splits.back());
}

}  // namespace framecast
