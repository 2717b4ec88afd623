#pragma once

#include <cmath>

#include "framecast/point.h"

namespace framecast {

/// `orientation` by exact arithmetic, for points that are all but on one line.
int exact_orientation(const Point& a, const Point& b, const Point& c);

/// 1 where c lies to the left of a -> b (x to the right, y up), -1 to the right, 0 on the line; exact for finite
/// points.
///
/// A filter as in Shewchuk, "Adaptive precision floating-point arithmetic and fast robust geometric predicates" (1997):
/// in double, which holds the product of two floats exactly, only few cases need more.
inline int orientation(const Point& a, const Point& b, const Point& c) {
  const double left = (static_cast<double>(b.x) - a.x) * (static_cast<double>(c.y) - a.y);
  const double right = (static_cast<double>(b.y) - a.y) * (static_cast<double>(c.x) - a.x);
  const double difference = left - right;
  // Above (3 + 16 u) u times the size of the products, u = 2^-53.
  const double error = 4e-16 * (std::fabs(left) + std::fabs(right));
  if (difference > error) return 1;
  if (difference < -error) return -1;
  if (error == 0) return 0;  // A factor of each product is 0, and such differences are exact.
  return exact_orientation(a, b, c);
}

/// True if origin -> a and origin -> b point the same way; false where one has no length.
inline bool same_direction(const Point& origin, const Point& a, const Point& b) {
  // On one line the products have one sign, so the sum cannot cancel.
  return (static_cast<double>(a.x) - origin.x) * (static_cast<double>(b.x) - origin.x) +
                 (static_cast<double>(a.y) - origin.y) * (static_cast<double>(b.y) - origin.y) >
             0 &&
         orientation(origin, a, b) == 0;
}

}  // namespace framecast
