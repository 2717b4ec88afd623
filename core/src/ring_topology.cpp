#include "ring_topology.h"

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

}  // namespace framecast
