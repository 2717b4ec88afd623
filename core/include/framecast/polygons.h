#pragma once

#include <cstdint>
#include <vector>

#include "framecast/box.h"
#include "framecast/point.h"

namespace framecast {

/// Multipolygons of K instances in nested offsets (the layout of GeoArrow's multipolygon).
///
/// Instance i owns parts instance_splits[i] to instance_splits[i + 1], part p owns rings part_splits[p] to
/// part_splits[p + 1] (the first is its exterior, the others its holes), ring r owns points ring_splits[r] to
/// ring_splits[r + 1], not closed by a repeated point. An exterior has positive shoelace area in (x, y): clockwise on
/// a screen whose y points down, counter-clockwise for Shapely and GeoJSON. Holes are the other way round.
struct Polygons {
  std::vector<Point> points;                  ///< [V], pixels of the source image.
  std::vector<std::int64_t> ring_splits;      ///< [R + 1]
  std::vector<std::int64_t> part_splits;      ///< [Q + 1]
  std::vector<std::int64_t> instance_splits;  ///< [K + 1]
  std::vector<std::int64_t> areas;            ///< [K], mask pixels before simplification.
  std::vector<Box> boxes;                     ///< [K], around the mask pixels; zeros where there is none.

  void clear() {
    points.clear();
    ring_splits.assign(1, 0);
    part_splits.assign(1, 0);
    instance_splits.assign(1, 0);
    areas.clear();
    boxes.clear();
  }
};

}  // namespace framecast
