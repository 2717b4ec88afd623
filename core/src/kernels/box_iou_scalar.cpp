#include <algorithm>

#include "kernels/box_iou.h"

namespace framecast::kernels {
namespace {

/// In torchvision's order of operations; NaN where neither box has an area or a coordinate is NaN.
inline float iou_with(const BoxColumns& columns, std::size_t i, const Box& box, float area) {
  const float width = std::max(0.0f, std::min(columns.x2[i], box.x2) - std::max(columns.x1[i], box.x1));
  const float height = std::max(0.0f, std::min(columns.y2[i], box.y2) - std::max(columns.y1[i], box.y1));
  const float inter = width * height;
  return inter / (columns.area[i] + area - inter);
}

}  // namespace

void iou_row_scalar(const BoxColumns& columns, const Box& box, float area, float* out) {
  for (std::size_t i = 0; i < columns.count; ++i) {
    const float iou = iou_with(columns, i, box, area);
    out[i] = iou > 0 ? iou : 0;
  }
}

std::size_t ious_above_scalar(const BoxColumns& columns, std::size_t begin, const Box& box, float area, float threshold,
                              std::uint32_t* rows, float* ious) {
  std::size_t found = 0;
  for (std::size_t i = begin; i < columns.count; ++i) {
    const float iou = iou_with(columns, i, box, area);
    rows[found] = static_cast<std::uint32_t>(i);
    ious[found] = iou;
    found += iou > threshold;
  }
  return found;
}

}  // namespace framecast::kernels
