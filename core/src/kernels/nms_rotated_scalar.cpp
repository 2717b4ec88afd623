#include "kernels/nms_rotated.h"

namespace framecast::kernels {
namespace {

// As the processors' vector instructions choose where one is NaN or both are zero.
double lesser(double a, double b) { return a < b ? a : b; }
double greater(double a, double b) { return a > b ? a : b; }

/// The integral of clamp(y, -half_height, half_height) dx along an edge, as far as it lies within the half width.
double edge_integral(double x0, double y0, double x1, double y1, double half_width, double half_height) {
  const bool backwards = x1 < x0;
  const double left = backwards ? x1 : x0, right = backwards ? x0 : x1;
  const double left_y = backwards ? y1 : y0, right_y = backwards ? y0 : y1;
  const double from = greater(left, -half_width), to = lesser(right, half_width);
  const double length = to - from;
  if (!(length > 0)) return 0;
  const double slope = (right_y - left_y) / (right - left);
  const double from_y = left_y + slope * (from - left), to_y = left_y + slope * (to - left);
  const double low = lesser(from_y, to_y), high = greater(from_y, to_y);
  // The shares of the edge below, between and above a's sides; each is a sum of positive terms, so nothing cancels.
  const double below = greater(lesser(high, -half_height) - low, 0);
  const double above = greater(high - greater(low, half_height), 0);
  const double low_inside = lesser(greater(low, -half_height), half_height);
  const double high_inside = lesser(greater(high, -half_height), half_height);
  const double weighted = half_height * (above - below) + 0.5 * (low_inside + high_inside) * (high_inside - low_inside);
  const double mean = high > low ? weighted / (high - low) : low_inside;
  const double integral = length * mean;
  return backwards ? -integral : integral;
}

}  // namespace

std::uint64_t may_overlap_scalar(const BoxColumns& kept, std::size_t begin, const Box& bounds, float area,
                                 float share) {
  const std::size_t count = std::min<std::size_t>(64, kept.count - begin);
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t k = begin + i;
    const float width = std::min(kept.x2[k], bounds.x2) - std::max(kept.x1[k], bounds.x1);
    const float height = std::min(kept.y2[k], bounds.y2) - std::max(kept.y1[k], bounds.y1);
    const bool maybe = (width > 0) & (height > 0) & (width * height >= share * (kept.area[k] + area));
    bits |= std::uint64_t{maybe} << i;
  }
  return bits;
}

double overlap_area_scalar(const OrientedBox& a, const OrientedBox& b, const RelativeBox& b_in_a) {
  const double ux = b_in_a.cos * b.half_width, uy = b_in_a.sin * b.half_width;
  const double vx = -b_in_a.sin * b.half_height, vy = b_in_a.cos * b.half_height;
  const double plus_x = ux + vx, plus_y = uy + vy, minus_x = ux - vx, minus_y = uy - vy;
  const double x[4] = {b_in_a.x + plus_x, b_in_a.x - minus_x, b_in_a.x - plus_x, b_in_a.x + minus_x};
  const double y[4] = {b_in_a.y + plus_y, b_in_a.y - minus_y, b_in_a.y - plus_y, b_in_a.y + minus_y};
  double edges[4];
  for (int i = 0; i < 4; ++i) {
    const int next = (i + 1) % 4;
    edges[i] = edge_integral(x[i], y[i], x[next], y[next], a.half_width, a.half_height);
  }
  return bounded_area((edges[0] + edges[2]) + (edges[1] + edges[3]), a, b);
}

}  // namespace framecast::kernels
