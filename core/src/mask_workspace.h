#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "append_polygons.h"
#include "chunks.h"
#include "framecast/masks_to_polygons.h"
#include "framecast/thread_pool.h"
#include "mask_runs.h"
#include "paste_mask.h"

namespace framecast {

/// What one thread needs for one instance after the other.
struct MaskScratch {
  MaskRuns runs;
  MaskRuns columns;  ///< Runs down columns, as RLE has them.
  PasteScratch paste;
  PolygonAppender polygons;
};

struct MaskWorkspace::State {
  std::vector<MaskScratch> threads;
  std::vector<Polygons> chunks;
};

/// Adds the instances of `from` after those of `out`.
void append_instances(const Polygons& from, Polygons& out);

/// Fills `out` with an instance per entry of rdp_thresholds: the outline of the runs that `make_runs` leaves in its
/// thread's scratch, or nothing where it returns false.
template <typename MakeRuns>
void outline_instances(std::span<const float> rdp_thresholds, Polygons& out, MaskWorkspace& workspace, ThreadPool* pool,
                       MakeRuns&& make_runs) {
  MaskWorkspace::State& state = workspace.state();
  if (state.threads.size() < thread_count(pool)) state.threads.resize(thread_count(pool));
  fill_in_chunks(pool, rdp_thresholds.size(), state.chunks, out,
                 [&](std::size_t begin, std::size_t end, std::size_t thread, Polygons& polygons) {
                   MaskScratch& scratch = state.threads[thread];
                   scratch.polygons.clear();
                   for (std::size_t k = begin; k < end; ++k) {
                     if (make_runs(k, scratch)) {
                       scratch.polygons.add(scratch.runs, rdp_thresholds[k], polygons);
                     } else {
                       scratch.polygons.add_nothing(polygons);
                     }
                   }
                   scratch.polygons.flush(polygons);
                 });
}

}  // namespace framecast
