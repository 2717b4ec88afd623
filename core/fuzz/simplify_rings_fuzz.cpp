#include <cmath>
#include <vector>

#include "framecast/simplify_rings.h"
#include "fuzz_input.h"

namespace {

/// Written apart from the code under test: by the nearest point of the segment.
double distance(const framecast::Point& p, const framecast::Point& a, const framecast::Point& b) {
  const double dx = static_cast<double>(b.x) - a.x, dy = static_cast<double>(b.y) - a.y;
  const double px = static_cast<double>(p.x) - a.x, py = static_cast<double>(p.y) - a.y;
  const double length = dx * dx + dy * dy;
  const double t = length > 0 ? std::min(1.0, std::max(0.0, (px * dx + py * dy) / length)) : 0;
  return std::hypot(px - t * dx, py - t * dy);
}

}  // namespace

// Any finite rings: points stay in their order, and none that goes lies beyond epsilon of the edge over it.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  FuzzInput input(data, size);
  std::vector<framecast::Point> points, out;
  std::vector<std::int64_t> splits{0}, out_splits;
  std::vector<float> epsilons;
  const auto rings = input.in_range<std::size_t>(0, 3);
  for (std::size_t r = 0; r < rings; ++r) {
    const bool coarse = input.flag();
    const auto count = input.in_range<std::int64_t>(0, 150);
    double extent = 0;
    for (std::int64_t i = 0; i < count; ++i) {
      auto number = [&] {
        const float value = coarse ? static_cast<float>(input.in_range<std::int32_t>(0, 15)) : input.number();
        return std::isfinite(value) ? value : 0;
      };
      points.push_back({number(), number()});
      extent = std::max(
          {extent, std::fabs(static_cast<double>(points.back().x)), std::fabs(static_cast<double>(points.back().y))});
    }
    splits.push_back(static_cast<std::int64_t>(points.size()));
    const float epsilon = std::fabs(input.number());
    epsilons.push_back(std::isfinite(epsilon) ? epsilon : 0);
  }
  framecast::SimplifyWorkspace workspace;
  framecast::simplify_rings(points, splits, epsilons, out, out_splits, workspace);
  for (std::size_t r = 0; r < rings; ++r) {
    const auto* ring = points.data() + splits[r];
    const auto count = static_cast<std::size_t>(splits[r + 1] - splits[r]);
    const auto* kept = out.data() + out_splits[r];
    const auto kept_count = static_cast<std::size_t>(out_splits[r + 1] - out_splits[r]);
    FUZZ_CHECK(kept_count >= std::min<std::size_t>(count, 3) && kept_count <= count);
    // The first point kept may occur several times: one of these places must explain the result.
    bool explained = kept_count == 0;
    for (std::size_t start = 0; start < count && !explained; ++start) {
      if (!(ring[start] == kept[0])) continue;
      std::size_t edge = 0;
      bool near = true;
      for (std::size_t i = 1; i <= count && near; ++i) {
        const auto& point = ring[(start + i) % count];
        const auto& end = kept[(edge + 1) % kept_count];
        if (point == end && edge < kept_count) {
          ++edge;
        } else {
          const double slack = 1e-14 * std::hypot(static_cast<double>(point.x), static_cast<double>(point.y));
          near = edge < kept_count && distance(point, kept[edge], end) <= epsilons[r] * (1.0 + 1e-12) + slack;
        }
      }
      explained = near && edge == kept_count;
    }
    // A place may be taken too early by a point that occurs twice; then the nearest edge must do.
    for (std::size_t i = 0; i < count && !explained; ++i) {
      double nearest = INFINITY;
      for (std::size_t k = 0; k < kept_count; ++k) {
        nearest = std::min(nearest, distance(ring[i], kept[k], kept[(k + 1) % kept_count]));
      }
      const double slack = 1e-14 * std::hypot(static_cast<double>(ring[i].x), static_cast<double>(ring[i].y));
      FUZZ_CHECK(nearest <= epsilons[r] * (1.0 + 1e-12) + slack);
    }
  }
  return 0;
}
