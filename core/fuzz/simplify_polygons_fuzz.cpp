#include <cmath>
#include <vector>

#include "framecast/simplify_polygons.h"
#include "fuzz_input.h"

namespace {

using framecast::Point;
using Wide = __int128;

/// Coordinates are whole numbers here, so this is exact.
int side(const Point& a, const Point& b, const Point& c) {
  auto whole = [](float value) { return static_cast<Wide>(static_cast<long long>(value)); };
  const Wide value =
      (whole(b.x) - whole(a.x)) * (whole(c.y) - whole(a.y)) - (whole(b.y) - whole(a.y)) * (whole(c.x) - whole(a.x));
  return value > 0 ? 1 : value < 0 ? -1 : 0;
}

bool cross(const Point& a, const Point& b, const Point& c, const Point& d) {
  return side(a, b, c) * side(a, b, d) < 0 && side(c, d, a) * side(c, d, b) < 0;
}

}  // namespace

// Any rings: edges of the result cross only where both are edges of the input.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  FuzzInput input(data, size);
  std::vector<Point> points, out;
  std::vector<std::int64_t> splits{0}, out_splits;
  std::vector<float> epsilons;
  const auto rings = input.in_range<std::size_t>(0, 4);
  for (std::size_t r = 0; r < rings; ++r) {
    const std::int32_t most = input.flag() ? 12 : 60000;
    const auto count = input.in_range<std::size_t>(0, 40);
    std::int32_t x = input.in_range<std::int32_t>(0, most), y = input.in_range<std::int32_t>(0, most);
    const bool walks = input.flag();
    for (std::size_t i = 0; i < count; ++i) {
      x = walks ? x + input.in_range<std::int32_t>(0, 6) - 3 : input.in_range<std::int32_t>(0, most);
      y = walks ? y + input.in_range<std::int32_t>(0, 6) - 3 : input.in_range<std::int32_t>(0, most);
      points.push_back({static_cast<float>(x), static_cast<float>(y)});
    }
    splits.push_back(static_cast<std::int64_t>(points.size()));
    epsilons.push_back(static_cast<float>(input.in_range<std::int32_t>(0, 255)) / 8);
  }
  const std::int64_t polygons[] = {0, static_cast<std::int64_t>(rings)};
  framecast::SimplifyPolygonsWorkspace workspace;
  framecast::simplify_polygons(points, splits, polygons, epsilons, out, out_splits, workspace);
  struct Edge {
    Point a, b;
    bool is_chord;
  };
  std::vector<Edge> edges;
  for (std::size_t r = 0; r < rings; ++r) {
    const Point* ring = points.data() + splits[r];
    const auto count = static_cast<std::size_t>(splits[r + 1] - splits[r]);
    const Point* kept = out.data() + out_splits[r];
    const auto kept_count = static_cast<std::size_t>(out_splits[r + 1] - out_splits[r]);
    FUZZ_CHECK(kept_count <= count && (kept_count > 0 || count == 0));
    for (std::size_t i = 0; i < kept_count; ++i) {
      Edge edge{kept[i], kept[(i + 1) % kept_count], true};
      for (std::size_t k = 0; k < count; ++k) {
        if (ring[k] == edge.a && ring[(k + 1) % count] == edge.b) edge.is_chord = false;
      }
      edges.push_back(edge);
    }
  }
  for (const Edge& s : edges) {
    for (const Edge& t : edges) FUZZ_CHECK(!(s.is_chord || t.is_chord) || !cross(s.a, s.b, t.a, t.b));
  }
  return 0;
}
