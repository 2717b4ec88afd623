#include "ring_topology.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace framecast {

void RingTopology::load(std::span<const Point> points, std::span<const std::int64_t> ring_splits) {
  points_ = points;
  ring_splits_ = ring_splits;
  work_ = 0;
  segments_.resize(points.size());
  tree_.reset(points.size());
  for (std::size_t r = 0; r + 1 < ring_splits.size(); ++r) {
    const std::size_t begin = begin_of(r);
    const std::size_t end = begin_of(r + 1);
    for (std::size_t i = begin; i < end; ++i) {
      const std::size_t next = i + 1 < end ? i + 1 : begin;
      segments_[i] = {static_cast<std::uint32_t>(next), static_cast<std::uint32_t>(r)};
      tree_.set(i, box_around(points[i], points[next]));
    }
  }
  tree_.finish();
}

std::size_t RingTopology::previous(std::size_t point) const {
  const std::uint32_t ring = segments_[point].ring;
  return point > begin_of(ring) ? point - 1 : begin_of(ring + 1) - 1;
}

RingEdge RingTopology::edge(std::size_t segment) const {
  return {previous(segment), segment, segments_[segment].end, segments_[segment].ring};
}

void RingTopology::mark_conflicts(std::span<std::uint8_t> bad) {
  const std::size_t count = segments_.size();
  for (std::size_t s = 0; s < count; ++s) {
    const RingEdge edge_s = edge(s);
    const std::uint32_t ring = segments_[s].ring;
    for (const std::uint32_t t : tree_.find(s + 1, count, tree_.box(s), work_)) {
      const std::uint32_t other = segments_[t].ring;
      if ((bad[ring] && bad[other]) || !edges_conflict(points_, edge_s, edge(t))) continue;
      bad[ring] = bad[other] = 1;
    }
  }
}

double RingTopology::doubled_area(std::size_t ring) const {
  double sum = 0;
  for (std::size_t i = begin_of(ring); i < begin_of(ring + 1); ++i) {
    const Point& a = points_[i];
    const Point& b = points_[segments_[i].end];
    sum += static_cast<double>(a.x) * b.y - static_cast<double>(b.x) * a.y;
  }
  return sum;
}

/// Where a segment that is not level passes the height y.
double RingTopology::crossing(std::size_t segment, double y) const {
  const Point& a = points_[segment];
  const Point& b = points_[segments_[segment].end];
  return a.x + (y - a.y) * ((static_cast<double>(b.x) - a.x) / (static_cast<double>(b.y) - a.y));
}

/// By the number of edges that a ray to the left meets; y must not be that of a vertex.
bool RingTopology::is_inside(double x, double y, std::size_t ring) {
  // Coordinates are integers, so that the ray's box, though rounded, touches all that the ray meets.
  const auto row = static_cast<float>(std::floor(y));
  const Box ray{-std::numeric_limits<float>::infinity(), row, static_cast<float>(std::ceil(x)), row + 1};
  bool inside = false;
  for (const std::uint32_t other : tree_.find(begin_of(ring), begin_of(ring + 1), ray, work_)) {
    if ((points_[other].y > y) != (points_[segments_[other].end].y > y) && crossing(other, y) < x) inside = !inside;
  }
  return inside;
}

void RingTopology::find_parents(std::span<std::int32_t> parents) {
  const std::size_t rings = ring_splits_.size() - 1;
  rings_tree_.reset(rings);
  for (std::size_t r = 0; r < rings; ++r) {
    Box box{};
    for (std::size_t i = begin_of(r); i < begin_of(r + 1); ++i) {
      const Point& point = points_[i];
      box = i == begin_of(r) ? box_around(point, point)
                             : Box{std::min(box.x1, point.x), std::min(box.y1, point.y), std::max(box.x2, point.x),
                                   std::max(box.y2, point.y)};
    }
    rings_tree_.set(r, box);
  }
  rings_tree_.finish();
  for (std::size_t ring = 0; ring < rings; ++ring) {
    std::size_t own = begin_of(ring);
    while (points_[own].y == points_[segments_[own].end].y) ++own;
    // Half a pixel into an edge there is no vertex, so the ray meets edges only in their middle.
    const double y = static_cast<double>(std::min(points_[own].y, points_[segments_[own].end].y)) + 0.5;
    const double x = crossing(own, y);
    const Box around{static_cast<float>(std::floor(x)), static_cast<float>(std::floor(y)),
                     static_cast<float>(std::ceil(x)), static_cast<float>(std::ceil(y))};
    parents[ring] = -1;
    double smallest = std::numeric_limits<double>::infinity();
    for (const std::uint32_t other : rings_tree_.find(0, rings, around, work_)) {
      if (other == ring || !is_inside(x, y, other)) continue;
      const double area = std::fabs(doubled_area(other));
      if (area < smallest) {
        smallest = area;
        parents[ring] = static_cast<std::int32_t>(other);
      }
    }
  }
}

}  // namespace framecast
