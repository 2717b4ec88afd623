#include "framecast/simplify_rings.h"

#include <algorithm>
#include <bit>

#include "argument.h"
#include "isa.h"
#include "kernels/simplify_rings.h"

namespace framecast {
namespace {

/// The ring's coordinates, twice in a row, so that a chain may pass over the end.
void load(std::span<const Point> ring, SimplifyWorkspace& workspace) {
  const std::size_t count = ring.size();
  workspace.x.resize(std::max(workspace.x.size(), 2 * count));
  workspace.y.resize(workspace.x.size());
  double* x = workspace.x.data();
  double* y = workspace.y.data();
  for (std::size_t i = 0; i < count; ++i) {
    x[i] = x[i + count] = ring[i].x;
    y[i] = y[i + count] = ring[i].y;
  }
}

}  // namespace

void simplify_ring(std::span<const Point> ring, double epsilon, SimplifyWorkspace& workspace, std::vector<Point>& out) {
  const std::size_t count = ring.size();
  const kernels::FindFarthest find_farthest = kernels::find_farthest_kernel(active_isa());
  const double* x = nullptr;
  const double* y = nullptr;
  // The point of the whole ring farthest from one of its points; that one where all are the same.
  auto farthest_from = [&](std::size_t origin) {
    const kernels::Chain all{x, y, 0, count, x[origin], y[origin], x[origin], y[origin]};
    const std::size_t farthest = find_farthest(all, 0).index;
    return farthest < count ? farthest : origin;
  };
  // The point strictly between two ends of a chain that lies farthest from their segment, if beyond `limit` (squared);
  // else its first point.
  auto farthest_between = [&](std::size_t begin, std::size_t end, double limit) {
    if (begin + 1 == end) return kernels::Farthest{begin, limit};
    return find_farthest({x, y, begin + 1, end, x[begin], y[begin], x[end], y[end]}, limit);
  };
  std::size_t p = 0;
  std::size_t q = 0;
  if (count > 3 && epsilon != 0) {
    load(ring, workspace);
    x = workspace.x.data();
    y = workspace.y.data();
    p = farthest_from(0);
    q = farthest_from(p);
  }
  if (p == q) {  // Nothing to leave out, or all points are one.
    out.insert(out.end(), ring.begin(), ring.end());
    return;
  }
  // A hair below epsilon squared, so that rounding cannot let a point through that lies beyond epsilon.
  const double limit = epsilon * epsilon * (1 - 1e-9);
  const std::size_t budget = count * (32 + 8 * static_cast<std::size_t>(std::bit_width(count)));
  std::size_t work = 0;

  auto& keep = workspace.keep;
  keep.assign(count, 0);
  const auto [low, high] = std::minmax(p, q);
  keep[low] = keep[high] = 1;
  std::size_t kept = 2;
  // Chains are index ranges around the ring; the second one passes over the end, where coordinates repeat.
  auto& stack = workspace.stack;
  stack.clear();
  stack.emplace_back(high, low + count);
  stack.emplace_back(low, high);
  auto split_chain = [&](std::size_t begin, std::size_t split, std::size_t end) {
    keep[split < count ? split : split - count] = 1;
    ++kept;
    // The longer part waits below the shorter one, so the stack holds about log2(count) chains at most.
    const std::pair<std::size_t, std::size_t> left{begin, split};
    const std::pair<std::size_t, std::size_t> right{split, end};
    const bool left_longer = split - begin > end - split;
    stack.push_back(left_longer ? left : right);
    stack.push_back(left_longer ? right : left);
  };
  auto split_all = [&] {
    while (!stack.empty()) {
      const auto [begin, end] = stack.back();
      stack.pop_back();
      const kernels::Farthest farthest = farthest_between(begin, end, limit);
      if (farthest.index == begin) continue;
      work += end - begin;
      split_chain(begin, work > budget ? begin + (end - begin) / 2 : farthest.index, end);
    }
  };
  split_all();
  if (kept == 2) {
    // A third point bends its chain, whose other points must be near again.
    const kernels::Farthest inner = farthest_between(low, high, -1);
    const kernels::Farthest outer = farthest_between(high, low + count, -1);
    if (inner.squared >= outer.squared) {
      split_chain(low, inner.index, high);
    } else {
      split_chain(high, outer.index, low + count);
    }
    split_all();
  }
  // One point of room more than is kept, for writing without a branch.
  const std::size_t before = out.size();
  out.resize(before + kept + 1);
  Point* next = out.data() + before;
  for (std::size_t i = 0; i < count; ++i) {
    *next = ring[i];
    next += keep[i];
  }
  out.resize(before + kept);
}

void simplify_rings(std::span<const Point> points, std::span<const std::int64_t> ring_splits,
                    std::span<const float> epsilons, std::vector<Point>& out_points,
                    std::vector<std::int64_t>& out_splits, SimplifyWorkspace& workspace) {
  require_splits(ring_splits, points.size(), "ring_splits");
  require(epsilons.size() + 1 == ring_splits.size(), "epsilons: must have one entry per ring");
  require_lengths(epsilons, "epsilons: must be finite and not negative");
  require_finite(points, "points: must be finite");
  out_points.clear();
  out_splits.assign(1, 0);
  for (std::size_t r = 0; r + 1 < ring_splits.size(); ++r) {
    const auto begin = static_cast<std::size_t>(ring_splits[r]);
    const auto end = static_cast<std::size_t>(ring_splits[r + 1]);
    simplify_ring(points.subspan(begin, end - begin), epsilons[r], workspace, out_points);
    out_splits.push_back(static_cast<std::int64_t>(out_points.size()));
  }
}

}  // namespace framecast
