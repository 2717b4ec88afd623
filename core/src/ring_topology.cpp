#include "ring_topology.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace framecast {
namespace {

/// Positive where c lies to the left of a -> b in (x, y), 0 on the line.
double side(const Point& a, const Point& b, const Point& c) {
  return (static_cast<double>(b.x) - a.x) * (static_cast<double>(c.y) - a.y) -
         (static_cast<double>(b.y) - a.y) * (static_cast<double>(c.x) - a.x);
}

bool apart(float a1, float a2, float b1, float b2) {
  return std::max(a1, a2) < std::min(b1, b2) || std::max(b1, b2) < std::min(a1, a2);
}

/// True if origin -> a and origin -> b point the same way.
bool same_direction(const Point& origin, const Point& a, const Point& b) {
  return side(origin, a, b) == 0 &&
         (static_cast<double>(a.x) - origin.x) * (static_cast<double>(b.x) - origin.x) +
                 (static_cast<double>(a.y) - origin.y) * (static_cast<double>(b.y) - origin.y) >
             0;
}

/// True if direction `to` comes before direction `limit` when turning left from direction `from`.
bool turns_before(const Point& origin, const Point& from, const Point& to, const Point& limit) {
  const double limit_side = side(origin, from, limit);
  const double to_side = side(origin, from, to);
  const bool limit_left = limit_side > 0;
  const bool to_left = to_side > 0;
  if (limit_left != to_left) return to_left;
  return side(origin, to, limit) > 0;
}

}  // namespace

void RingTopology::load(std::span<const Point> points, std::span<const std::int64_t> ring_splits) {
  points_ = points;
  ring_splits_ = ring_splits;
  segments_.clear();
  float left = points.empty() ? 0 : points[0].x, right = left;
  float top = points.empty() ? 0 : points[0].y, bottom = top;
  for (std::size_t r = 0; r + 1 < ring_splits.size(); ++r) {
    const auto begin = static_cast<std::size_t>(ring_splits[r]);
    const auto end = static_cast<std::size_t>(ring_splits[r + 1]);
    for (std::size_t i = begin; i < end; ++i) {
      segments_.push_back({i, i + 1 < end ? i + 1 : begin, static_cast<std::uint32_t>(r)});
      left = std::min(left, points[i].x);
      right = std::max(right, points[i].x);
      top = std::min(top, points[i].y);
      bottom = std::max(bottom, points[i].y);
    }
  }
  left_ = left;
  top_ = top;
  const double width = std::max(1.0, static_cast<double>(right) - left);
  const double height = std::max(1.0, static_cast<double>(bottom) - top);
  const double count = std::max<double>(1, static_cast<double>(segments_.size()));
  // A thin box would get cells without end along its length; no side has more cells than there are segments.
  cell_ = std::max({1.0, std::sqrt(width * height / count), std::max(width, height) / count});
  columns_ = static_cast<std::int64_t>(width / cell_) + 1;
  rows_ = static_cast<std::int64_t>(height / cell_) + 1;

  cell_splits_.assign(static_cast<std::size_t>(rows_ * columns_) + 1, 0);
  for (const Segment& segment : segments_) {
    for_each_cell(segment, [this](std::size_t cell) { ++cell_splits_[cell + 1]; });
  }
  for (std::size_t i = 1; i < cell_splits_.size(); ++i) cell_splits_[i] += cell_splits_[i - 1];
  cell_segments_.resize(cell_splits_.back());
  // Filling moves each cell's offset to its end; shifting them by one restores the starts.
  for (std::size_t i = 0; i < segments_.size(); ++i) {
    for_each_cell(segments_[i], [this, i](std::size_t cell) {
      cell_segments_[cell_splits_[cell]++] = static_cast<std::uint32_t>(i);
    });
  }
  for (std::size_t i = cell_splits_.size() - 1; i > 0; --i) cell_splits_[i] = cell_splits_[i - 1];
  cell_splits_[0] = 0;
}

std::int64_t RingTopology::cell_row(double y) const {
  return std::clamp(static_cast<std::int64_t>(std::floor((y - top_) / cell_)), std::int64_t{0}, rows_ - 1);
}

std::int64_t RingTopology::cell_column(double x) const {
  return std::clamp(static_cast<std::int64_t>(std::floor((x - left_) / cell_)), std::int64_t{0}, columns_ - 1);
}

RingTopology::Cells RingTopology::cells_in_row(const Segment& segment, std::int64_t row) const {
  const Point& a = points_[segment.begin];
  const Point& b = points_[segment.end];
  const double low = std::min(a.x, b.x);
  const double high = std::max(a.x, b.x);
  double from = low;
  double to = high;
  if (a.y != b.y) {
    const double slope = (static_cast<double>(b.x) - a.x) / (static_cast<double>(b.y) - a.y);
    const double x1 = a.x + (top_ + static_cast<double>(row) * cell_ - a.y) * slope;
    const double x2 = a.x + (top_ + static_cast<double>(row + 1) * cell_ - a.y) * slope;
    // Widened by more than the rounding, so that no cell that the segment passes is missed.
    from = std::max(low, std::min(x1, x2) - 1e-3);
    to = std::min(high, std::max(x1, x2) + 1e-3);
  }
  return {cell_column(from - 1e-3), cell_column(to + 1e-3)};
}

template <typename Visit>
void RingTopology::for_each_cell(const Segment& segment, Visit visit) const {
  const Point& a = points_[segment.begin];
  const Point& b = points_[segment.end];
  const std::int64_t last = cell_row(std::max(a.y, b.y) + 1e-3);
  for (std::int64_t row = cell_row(std::min(a.y, b.y) - 1e-3); row <= last; ++row) {
    const Cells cells = cells_in_row(segment, row);
    for (std::int64_t column = cells.first; column <= cells.last; ++column) {
      visit(static_cast<std::size_t>(row * columns_ + column));
    }
  }
}

std::size_t RingTopology::previous(std::size_t point, std::uint32_t ring) const {
  const auto begin = static_cast<std::size_t>(ring_splits_[ring]);
  return point > begin ? point - 1 : static_cast<std::size_t>(ring_splits_[ring + 1]) - 1;
}

/// Whether two rings that meet in a vertex pass through each other there.
bool RingTopology::crosses_at_vertex(std::size_t s, std::uint32_t s_ring, std::size_t t, std::uint32_t t_ring) const {
  const Point& origin = points_[s];
  const Point& s_in = points_[previous(s, s_ring)];
  const Point& s_out = points_[segments_[s].end];
  const Point& t_in = points_[previous(t, t_ring)];
  const Point& t_out = points_[segments_[t].end];
  return turns_before(origin, s_out, t_in, s_in) != turns_before(origin, s_out, t_out, s_in);
}

bool RingTopology::conflict(const Segment& s, const Segment& t) const {
  const Point& a = points_[s.begin];
  const Point& b = points_[s.end];
  const Point& c = points_[t.begin];
  const Point& d = points_[t.end];
  if (apart(a.x, b.x, c.x, d.x) || apart(a.y, b.y, c.y, d.y)) return false;
  if (s.end == t.begin && t.end == s.begin) return true;  // A ring of two points.
  if (s.end == t.begin) return same_direction(b, a, d);
  if (t.end == s.begin) return same_direction(a, b, c);
  if (s.ring != t.ring) {
    if (a == c) return same_direction(a, b, d) || crosses_at_vertex(s.begin, s.ring, t.begin, t.ring);
    if (a == d) return same_direction(a, b, c);
    if (b == c) return same_direction(b, a, d);
    if (b == d) return same_direction(b, a, c);
  }
  const double abc = side(a, b, c);
  const double abd = side(a, b, d);
  const double cda = side(c, d, a);
  const double cdb = side(c, d, b);
  // Touching counts; on one line the boxes, which are not apart, decide.
  const bool across_s = (abc <= 0 && abd >= 0) || (abc >= 0 && abd <= 0);
  const bool across_t = (cda <= 0 && cdb >= 0) || (cda >= 0 && cdb <= 0);
  return across_s && across_t;
}

void RingTopology::mark_conflicts(std::span<std::uint8_t> bad) const {
  for (std::size_t cell = 0; cell + 1 < cell_splits_.size(); ++cell) {
    for (std::uint32_t i = cell_splits_[cell]; i < cell_splits_[cell + 1]; ++i) {
      const Segment& s = segments_[cell_segments_[i]];
      for (std::uint32_t j = i + 1; j < cell_splits_[cell + 1]; ++j) {
        const Segment& t = segments_[cell_segments_[j]];
        if (bad[s.ring] && bad[t.ring]) continue;
        if (conflict(s, t)) bad[s.ring] = bad[t.ring] = 1;
      }
    }
  }
}

double RingTopology::doubled_area(std::size_t ring) const {
  double sum = 0;
  for (auto i = static_cast<std::size_t>(ring_splits_[ring]); i < static_cast<std::size_t>(ring_splits_[ring + 1]);
       ++i) {
    const Point& a = points_[i];
    const Point& b = points_[segments_[i].end];
    sum += static_cast<double>(a.x) * b.y - static_cast<double>(b.x) * a.y;
  }
  return sum;
}

void RingTopology::find_parents(std::span<std::int32_t> parents) const {
  std::vector<std::uint32_t> crossed;
  auto crossing = [this](const Segment& segment, double y) {
    const Point& a = points_[segment.begin];
    const Point& b = points_[segment.end];
    return a.x + (y - a.y) * ((static_cast<double>(b.x) - a.x) / (static_cast<double>(b.y) - a.y));
  };
  for (std::size_t ring = 0; ring + 1 < ring_splits_.size(); ++ring) {
    auto own = static_cast<std::size_t>(ring_splits_[ring]);
    while (points_[own].y == points_[segments_[own].end].y) ++own;
    // Half a pixel into an edge there is no vertex, so the ray to the left meets edges only in their middle.
    const double y = static_cast<double>(std::min(points_[own].y, points_[segments_[own].end].y)) + 0.5;
    const double x = crossing(segments_[own], y);
    const std::int64_t row = cell_row(y);
    const std::int64_t last = cell_column(x);
    crossed.clear();
    for (std::int64_t column = 0; column <= last; ++column) {
      const auto cell = static_cast<std::size_t>(row * columns_ + column);
      for (std::uint32_t i = cell_splits_[cell]; i < cell_splits_[cell + 1]; ++i) {
        const Segment& other = segments_[cell_segments_[i]];
        if (other.ring == ring || (points_[other.begin].y > y) == (points_[other.end].y > y)) continue;
        const double at = crossing(other, y);
        // A segment lies in several cells of the row; it counts in the one where the ray meets it.
        if (at < x && cell_column(at) == column) crossed.push_back(other.ring);
      }
    }
    std::sort(crossed.begin(), crossed.end());
    parents[ring] = -1;
    double smallest = std::numeric_limits<double>::infinity();
    for (std::size_t begin = 0; begin < crossed.size();) {
      std::size_t end = begin;
      while (end < crossed.size() && crossed[end] == crossed[begin]) ++end;
      if ((end - begin) % 2 == 1) {
        const double area = std::fabs(doubled_area(crossed[begin]));
        if (area < smallest) {
          smallest = area;
          parents[ring] = static_cast<std::int32_t>(crossed[begin]);
        }
      }
      begin = end;
    }
  }
}

}  // namespace framecast
