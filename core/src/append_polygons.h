#pragma once

#include <cstdint>
#include <vector>

#include "framecast/point.h"
#include "framecast/polygons.h"
#include "mask_runs.h"
#include "polygon_refiner.h"
#include "trace_rings.h"

namespace framecast {

/// Memory of `append_polygons`, reused across calls; one per thread.
struct OutlineScratch {
  TraceScratch trace;
  TracedRings traced;
  PolygonRefiner refiner;
  std::vector<Point> points;
  std::vector<std::int64_t> ring_splits;
  std::vector<float> epsilons;
};

/// Adds the outline of a mask as the next instance of `out`, simplified with epsilon = rdp_threshold * perimeter.
///
/// The result is valid: a ring that would cross or touch itself or another, or change its nesting, keeps more points.
void append_polygons(const MaskRuns& runs, float rdp_threshold, Polygons& out, OutlineScratch& scratch);

/// Adds an instance without parts.
void append_nothing(Polygons& out);

}  // namespace framecast
