#include <algorithm>
#include <cmath>
#include <vector>

#include "framecast/simplify_visvalingam.h"
#include "fuzz_input.h"

namespace {

using framecast::Point;

double area(const Point& a, const Point& b, const Point& c) {
  const double bx = static_cast<double>(b.x) - a.x, by = static_cast<double>(b.y) - a.y;
  const double cx = static_cast<double>(c.x) - a.x, cy = static_cast<double>(c.y) - a.y;
  return std::fabs(bx * cy - by * cx) / 2;
}

}  // namespace

// Any finite rings: points stay in their order, 3 at least, and stop going when no limit asks for more.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static framecast::ThreadPool pool(2);
  FuzzInput input(data, size);
  std::vector<Point> points, out, again;
  std::vector<std::int64_t> splits{0}, out_splits, again_splits;
  std::vector<float> min_areas;
  std::vector<std::int32_t> max_points;
  // Rings of a task's size, so that there is more than one task.
  const std::int64_t longest = input.flag() && input.flag() ? 3000 : 150;
  const auto rings = input.in_range<std::size_t>(0, 3);
  for (std::size_t r = 0; r < rings; ++r) {
    const bool coarse = input.flag();
    const auto count = input.in_range<std::int64_t>(0, longest);
    for (std::int64_t i = 0; i < count; ++i) {
      auto number = [&] {
        const float value = coarse ? static_cast<float>(input.in_range<std::int32_t>(0, 15)) : input.number();
        return std::isfinite(value) ? value : 0;
      };
      const float x = number();
      points.push_back({x, number()});
    }
    splits.push_back(static_cast<std::int64_t>(points.size()));
    const float min_area = std::fabs(input.number());
    min_areas.push_back(std::isfinite(min_area) ? min_area : 0);
    max_points.push_back(input.flag() ? input.in_range<std::int32_t>(3, 160) : 0);
  }
  const bool limited = input.flag();
  if (!limited) max_points.clear();
  framecast::VisvalingamWorkspace workspace, other;
  framecast::simplify_visvalingam(points, splits, min_areas, max_points, out, out_splits, workspace);
  framecast::simplify_visvalingam(points, splits, min_areas, max_points, again, again_splits, other, &pool);
  FUZZ_CHECK(out == again && out_splits == again_splits);
  FUZZ_CHECK(out_splits.size() == rings + 1 && out_splits[0] == 0);
  FUZZ_CHECK(out_splits[rings] == static_cast<std::int64_t>(out.size()));
  for (std::size_t r = 0; r < rings; ++r) {
    const Point* ring = points.data() + splits[r];
    const auto count = static_cast<std::size_t>(splits[r + 1] - splits[r]);
    const Point* kept = out.data() + out_splits[r];
    const auto kept_count = static_cast<std::size_t>(out_splits[r + 1] - out_splits[r]);
    FUZZ_CHECK(kept_count >= std::min<std::size_t>(count, 3) && kept_count <= count);
    std::size_t found = 0;
    for (std::size_t i = 0; i < count && found < kept_count; ++i) found += ring[i] == kept[found];
    FUZZ_CHECK(found == kept_count);
    const std::size_t limit = limited && max_points[r] > 0 ? static_cast<std::size_t>(max_points[r]) : count;
    FUZZ_CHECK(kept_count <= std::max<std::size_t>(limit, 3));
    FUZZ_CHECK(min_areas[r] > 0 || count <= 3 || kept_count == std::min(count, limit));
    // Below the limit the areas alone decided, so no triangle left is smaller than asked for.
    if (kept_count > 3 && kept_count < limit) {
      for (std::size_t i = 0; i < kept_count; ++i) {
        FUZZ_CHECK(area(kept[(i + kept_count - 1) % kept_count], kept[i], kept[(i + 1) % kept_count]) >= min_areas[r]);
      }
    }
  }
  return 0;
}
