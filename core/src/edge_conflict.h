#pragma once

#include <cstddef>
#include <span>

#include "framecast/point.h"
#include "orientation.h"

namespace framecast {

/// An edge of a ring, by the indices of its points.
struct RingEdge {
  std::size_t before;  ///< The ring's point before `begin`.
  std::size_t begin;
  std::size_t end;
  std::size_t ring;
};

/// True if direction `to` comes before direction `limit` when turning left from direction `from`.
inline bool turns_before(const Point& origin, const Point& from, const Point& to, const Point& limit) {
  const bool limit_left = orientation(origin, from, limit) > 0;
  const bool to_left = orientation(origin, from, to) > 0;
  if (limit_left != to_left) return to_left;
  return orientation(origin, to, limit) > 0;
}

/// Whether two edges whose boxes overlap cross or touch where they must not.
///
/// Edges of one ring may only share the point where one ends and the other begins; edges of two rings may only meet in
/// an end of both, where the rings must not pass through each other. Exact for finite points.
inline bool edges_conflict(std::span<const Point> points, const RingEdge& s, const RingEdge& t) {
  const Point& a = points[s.begin];
  const Point& b = points[s.end];
  const Point& c = points[t.begin];
  const Point& d = points[t.end];
  if (s.end == t.begin && t.end == s.begin) return true;  // A ring of two points.
  if (s.end == t.begin) return same_direction(b, a, d);
  if (t.end == s.begin) return same_direction(a, b, c);
  if (s.ring != t.ring) {
    if (a == c) {
      const Point& s_in = points[s.before];
      const bool in_first = turns_before(a, b, points[t.before], s_in);
      return same_direction(a, b, d) || in_first != turns_before(a, b, d, s_in);
    }
    if (a == d) return same_direction(a, b, c);
    if (b == c) return same_direction(b, a, d);
    if (b == d) return same_direction(b, a, c);
  }
  // Touching counts; on one line the boxes, which overlap, decide.
  return orientation(a, b, c) * orientation(a, b, d) <= 0 && orientation(c, d, a) * orientation(c, d, b) <= 0;
}

}  // namespace framecast
