#pragma once

#include <vector>

#include "framecast/polygons.h"
#include "framecast/simplify_rings.h"
#include "mask_runs.h"
#include "polygon_refiner.h"
#include "ring_topology.h"
#include "trace_rings.h"

namespace framecast {

/// Memory of `append_polygons`, reused across calls; one per thread.
struct OutlineScratch {
  TraceScratch trace;
  TracedRings traced;
  SimplifyWorkspace simplify;
  RingTopology topology;
  PolygonRefiner refiner;
  std::vector<float> epsilons;
};

/// Adds the outline of a mask as the next instance of `out`, simplified with epsilon = rdp_threshold * perimeter.
///
/// The result is valid: a ring that would cross or touch itself or another, or change its nesting, keeps more points.
void append_polygons(const MaskRuns& runs, float rdp_threshold, Polygons& out, OutlineScratch& scratch);

/// Adds an instance without parts.
void append_nothing(Polygons& out);

}  // namespace framecast
