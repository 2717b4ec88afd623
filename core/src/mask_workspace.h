#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include "append_polygons.h"
#include "framecast/masks_to_polygons.h"
#include "framecast/thread_pool.h"
#include "mask_runs.h"
#include "paste_mask.h"

namespace framecast {

/// What one thread needs for one instance after the other.
struct MaskScratch {
  MaskRuns runs;
  PasteScratch paste;
  OutlineScratch outline;
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
  const std::size_t count = rdp_thresholds.size();
  const std::size_t threads = thread_count(pool);
  if (state.threads.size() < threads) state.threads.resize(threads);
  auto outline = [&](std::size_t begin, std::size_t end, MaskScratch& scratch, Polygons& polygons) {
    polygons.clear();
    for (std::size_t k = begin; k < end; ++k) {
      if (make_runs(k, scratch)) {
        append_polygons(scratch.runs, rdp_thresholds[k], polygons, scratch.outline);
      } else {
        append_nothing(polygons);
      }
    }
  };
  if (threads == 1 || count < 2) return outline(0, count, state.threads[0], out);
  // Several chunks per thread, as some instances are larger than others; put together in their order.
  const std::size_t chunk = (count + 8 * threads - 1) / (8 * threads);
  const std::size_t chunks = (count + chunk - 1) / chunk;
  if (state.chunks.size() < chunks) state.chunks.resize(chunks);
  run(pool, chunks, [&](std::size_t task, std::size_t thread) {
    outline(task * chunk, std::min(count, (task + 1) * chunk), state.threads[thread], state.chunks[task]);
  });
  out.clear();
  for (std::size_t c = 0; c < chunks; ++c) append_instances(state.chunks[c], out);
}

}  // namespace framecast
