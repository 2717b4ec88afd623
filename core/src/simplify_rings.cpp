#include "framecast/simplify_rings.h"

#include <algorithm>
#include <bit>

#include "argument.h"

namespace framecast {
namespace {

double squared_distance(const Point& a, const Point& b) {
  const double dx = static_cast<double>(a.x) - b.x;
  const double dy = static_cast<double>(a.y) - b.y;
  return dx * dx + dy * dy;
}

/// Distances to the segment between two points; computed in double, where differences of floats are all but exact.
class SegmentDistance {
 public:
  SegmentDistance(const Point& a, const Point& b)
      : a_(a),
        b_(b),
        dx_(static_cast<double>(b.x) - a.x),
        dy_(static_cast<double>(b.y) - a.y),
        squared_length_(dx_ * dx_ + dy_ * dy_) {}

  double squared(const Point& p) const {
    const double px = static_cast<double>(p.x) - a_.x;
    const double py = static_cast<double>(p.y) - a_.y;
    const double along = px * dx_ + py * dy_;
    if (along <= 0) return px * px + py * py;
    if (along >= squared_length_) return squared_distance(p, b_);
    const double across = px * dy_ - py * dx_;
    return across * across / squared_length_;
  }

 private:
  Point a_;
  Point b_;
  double dx_;
  double dy_;
  double squared_length_;
};

std::size_t farthest_from(std::span<const Point> ring, std::size_t origin) {
  std::size_t best = origin;
  double best_distance = 0;
  for (std::size_t i = 0; i < ring.size(); ++i) {
    const double distance = squared_distance(ring[i], ring[origin]);
    if (distance > best_distance) {
      best = i;
      best_distance = distance;
    }
  }
  return best;
}

struct Farthest {
  std::size_t index;  ///< The chain's first point if none is farther than the limit.
  double squared;
};

/// The point strictly between two ends of a chain that lies farthest from their segment, if beyond `limit` (squared).
template <typename At>
Farthest farthest_between(const At& at, std::size_t begin, std::size_t end, double limit) {
  const SegmentDistance distance(at(begin), at(end));
  Farthest farthest{begin, limit};
  for (std::size_t i = begin + 1; i < end; ++i) {
    const double squared = distance.squared(at(i));
    if (squared > farthest.squared) farthest = {i, squared};
  }
  return farthest;
}

}  // namespace

void simplify_ring(std::span<const Point> ring, double epsilon, SimplifyWorkspace& workspace, std::vector<Point>& out) {
  const std::size_t count = ring.size();
  const std::size_t p = count > 3 ? farthest_from(ring, 0) : 0;
  const std::size_t q = count > 3 ? farthest_from(ring, p) : 0;
  if (p == q || epsilon == 0) {  // Nothing to leave out, or all points are one.
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
  // Chains are index ranges around the ring; the second one passes over the end, so indices are taken modulo count.
  auto at = [&](std::size_t i) -> const Point& { return ring[i < count ? i : i - count]; };
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
      const Farthest farthest = farthest_between(at, begin, end, limit);
      if (farthest.index == begin) continue;
      work += end - begin;
      split_chain(begin, work > budget ? begin + (end - begin) / 2 : farthest.index, end);
    }
  };
  split_all();
  if (kept == 2) {
    // A third point bends its chain, whose other points must be near again.
    const Farthest inner = farthest_between(at, low, high, -1);
    const Farthest outer = farthest_between(at, high, low + count, -1);
    if (inner.squared >= outer.squared) {
      split_chain(low, inner.index, high);
    } else {
      split_chain(high, outer.index, low + count);
    }
    split_all();
  }
  for (std::size_t i = 0; i < count; ++i) {
    if (keep[i]) out.push_back(ring[i]);
  }
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
