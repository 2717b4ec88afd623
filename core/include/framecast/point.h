#pragma once

namespace framecast {

/// A point (x, y) in pixels; pixel (i, j) covers [i, i+1) x [j, j+1). Laid out as a row of a float32 [V, 2] array.
struct Point {
  float x;
  float y;

  bool operator==(const Point&) const = default;
};
static_assert(sizeof(Point) == 2 * sizeof(float));

}  // namespace framecast
