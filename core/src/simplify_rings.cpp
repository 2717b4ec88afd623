#include "framecast/simplify_rings.h"

#include <algorithm>

#include "argument.h"
#include "chain_splitter.h"

namespace framecast {
namespace {

/// Rings are split together that have so many points and are so many, so that each level has enough chains to keep the
/// processor busy; but no more than kMostChunkPoints, so that they stay near it.
constexpr std::size_t kChunkPoints = 2048;
constexpr std::size_t kChunkRings = 16;
constexpr std::size_t kMostChunkPoints = 8192;

}  // namespace

SimplifyWorkspace::SimplifyWorkspace() = default;
SimplifyWorkspace::~SimplifyWorkspace() = default;
SimplifyWorkspace::SimplifyWorkspace(SimplifyWorkspace&&) noexcept = default;
SimplifyWorkspace& SimplifyWorkspace::operator=(SimplifyWorkspace&&) noexcept = default;

void simplify_ring(std::span<const Point> ring, double epsilon, SimplifyWorkspace& workspace, std::vector<Point>& out) {
  if (ring.size() <= 3 || epsilon == 0) {
    out.insert(out.end(), ring.begin(), ring.end());
    return;
  }
  if (workspace.threads.empty()) workspace.threads.resize(1);
  ChainSplitter& splitter = workspace.threads[0];
  splitter.clear();
  splitter.add(ring, epsilon);
  splitter.run();
  const std::size_t before = out.size();
  out.resize(before + ring.size());
  out.resize(before + splitter.write(0, out.data() + before));
}

void simplify_rings(std::span<const Point> points, std::span<const std::int64_t> ring_splits,
                    std::span<const float> epsilons, std::vector<Point>& out_points,
                    std::vector<std::int64_t>& out_splits, SimplifyWorkspace& workspace, ThreadPool* pool) {
  constexpr std::size_t kMostPoints = std::size_t{1} << 30;
  require_splits(ring_splits, points.size(), "ring_splits");
  require(epsilons.size() + 1 == ring_splits.size(), "epsilons: must have one entry per ring");
  require_lengths(epsilons, "epsilons: must be finite and not negative");
  require(points.size() < kMostPoints, "points: must be fewer than 2^30");
  const std::size_t rings = epsilons.size();
  auto begin_of = [&](std::size_t ring) { return static_cast<std::size_t>(ring_splits[ring]); };

  auto& chunks = workspace.chunks;
  chunks.assign(1, 0);
  for (std::size_t r = 0; r < rings; ++r) {
    const std::size_t count = begin_of(r + 1) - begin_of(chunks.back());
    const bool has_enough = count >= kChunkPoints && r + 1 - chunks.back() >= kChunkRings;
    if (has_enough || count >= kMostChunkPoints || r + 1 == rings) chunks.push_back(r + 1);
  }
  const std::size_t tasks = chunks.size() - 1;
  workspace.kept.assign(tasks, 0);
  workspace.refused.assign(tasks, 0);
  if (workspace.threads.size() < thread_count(pool)) workspace.threads.resize(thread_count(pool));
  if (workspace.room.size() < points.size()) workspace.room.resize(points.size());
  out_splits.resize(rings + 1);
  out_splits[0] = 0;
  // Each task writes where its points begin, and the number that each ring keeps behind the ring's place.
  run(pool, tasks, [&](std::size_t task, std::size_t thread) {
    ChainSplitter& splitter = workspace.threads[thread];
    splitter.clear();
    for (std::size_t r = chunks[task]; r < chunks[task + 1]; ++r) {
      const auto ring = points.subspan(begin_of(r), begin_of(r + 1) - begin_of(r));
      if (!splitter.add(ring, epsilons[r])) {
        workspace.refused[task] = 1;
        return;
      }
    }
    splitter.run();
    Point* next = workspace.room.data() + begin_of(chunks[task]);
    for (std::size_t i = 0; i < splitter.ring_count(); ++i) {
      const std::size_t kept = splitter.write(i, next);
      next += kept;
      workspace.kept[task] += kept;
      out_splits[chunks[task] + i + 1] = static_cast<std::int64_t>(kept);
    }
  });
  require(std::find(workspace.refused.begin(), workspace.refused.end(), 1) == workspace.refused.end(),
          "points: must be finite");
  for (std::size_t r = 0; r < rings; ++r) out_splits[r + 1] += out_splits[r];
  out_points.clear();
  out_points.reserve(static_cast<std::size_t>(out_splits[rings]));
  for (std::size_t task = 0; task < tasks; ++task) {
    const Point* begin = workspace.room.data() + begin_of(chunks[task]);
    out_points.insert(out_points.end(), begin, begin + workspace.kept[task]);
  }
}

}  // namespace framecast
