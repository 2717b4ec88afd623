#include <algorithm>
#include <cmath>

#include "kernels/simplify_rings.h"

namespace framecast::kernels {
namespace {

/// Products of a chain's points with its chord. In double, where differences of floats are all but exact.
class Chord {
 public:
  Chord(const float* x, const float* y, const Chain& chain)
      : ax_(x[chain.begin()]), ay_(y[chain.begin()]), dx_(x[chain.end()] - ax_), dy_(y[chain.end()] - ay_) {}

  double squared_length() const { return dx_ * dx_ + dy_ * dy_; }
  /// The distance from the chord's line, times its length.
  double across(double x, double y) const { return std::fabs((x - ax_) * dy_ - (y - ay_) * dx_); }
  /// How far the point lies before or behind the chord, times its length; 0 beside it.
  double beyond(double x, double y) const {
    const double along = (x - ax_) * dx_ + (y - ay_) * dy_;
    return std::max({0.0, -along, along - squared_length()});
  }

 private:
  double ax_, ay_, dx_, dy_;
};

double squared_distance(const float* x, const float* y, std::uint32_t a, std::uint32_t b) {
  const double dx = static_cast<double>(x[a]) - x[b];
  const double dy = static_cast<double>(y[a]) - y[b];
  return dx * dx + dy * dy;
}

RingRange load(const Point* points, std::size_t count, float* x, float* y) {
  float left = points[0].x, right = left, top = points[0].y, bottom = top;
  bool is_finite = true;
  for (std::size_t i = 0; i < count; ++i) {
    const Point point = points[i];
    x[i] = point.x;
    y[i] = point.y;
    is_finite &= std::isfinite(point.x) && std::isfinite(point.y);
    left = std::min(left, point.x);
    right = std::max(right, point.x);
    top = std::min(top, point.y);
    bottom = std::max(bottom, point.y);
  }
  return {std::max(right - left, bottom - top), is_finite, false};
}

std::uint32_t farthest(const float* x, const float* y, std::uint32_t begin, std::uint32_t end, std::uint32_t origin,
                       bool) {
  return farthest_from_point(x, y, begin, end, origin);
}

void judge(const float* x, const float* y, const ChainLimits* limits, const Chain* chains, std::size_t count,
           std::uint32_t* verdicts) {
  for (std::size_t i = 0; i < count; ++i) verdicts[i] = judge_chain(x, y, limits[chains[i].block()].squared, chains[i]);
}

}  // namespace

std::uint32_t farthest_from_point(const float* x, const float* y, std::uint32_t begin, std::uint32_t end,
                                  std::uint32_t origin) {
  std::uint32_t found = origin;
  double largest = 0;
  for (std::uint32_t i = begin; i < end; ++i) {
    const double squared = squared_distance(x, y, i, origin);
    if (squared > largest) largest = squared, found = i;
  }
  return found;
}

std::uint32_t farthest_from_chord(const float* x, const float* y, const Chain& chain, double& squared) {
  const Chord chord(x, y, chain);
  const bool is_point = chord.squared_length() == 0;
  std::uint32_t found = chain.begin();
  squared = -1;
  for (std::uint32_t i = chain.begin() + 1; i < chain.end(); ++i) {
    const double across = chord.across(x[i], y[i]);
    const double beyond = chord.beyond(x[i], y[i]);
    const double value = is_point ? squared_distance(x, y, i, chain.begin()) : across * across + beyond * beyond;
    if (value > squared) squared = value, found = i;
  }
  return found;
}

std::uint32_t judge_chain(const float* x, const float* y, double squared_limit, const Chain& chain) {
  const Chord chord(x, y, chain);
  const double squared_length = chord.squared_length();
  const double limit = squared_length == 0 ? squared_limit : squared_limit * squared_length;
  std::uint32_t found = chain.begin();
  double largest = -1;
  for (std::uint32_t i = chain.begin() + 1; i < chain.end(); ++i) {
    const double across = chord.across(x[i], y[i]);
    if (across > largest) largest = across, found = i;
  }
  if (largest * largest > limit) return found;
  found = farthest_from_chord(x, y, chain, largest);
  return largest > limit ? found : kLeaf;
}

void split_chains(const Chain* chains, const std::uint32_t* verdicts, std::size_t count, ChainParts& given) {
  // Without a branch: whether a chain is split, and whether there is anything left in its parts, is hard to foresee.
  ChainParts parts = given;
  auto append = [&parts](const Chain& chain, bool wanted) {
    const std::uint32_t inner = chain.inner();
    *parts.few = *parts.more = chain;
    parts.few += wanted & (inner - 1 < 8);
    parts.more += wanted & (inner > 8);
  };
  for (std::size_t i = 0; i < count; ++i) {
    const bool is_split = verdicts[i] != kLeaf;
    *parts.points = verdicts[i];
    parts.points += is_split;
    append({chains[i].begin(), verdicts[i]}, is_split);
    append({verdicts[i], chains[i].end()}, is_split);
  }
  given = parts;
}

const ChainKernels& chain_kernels_scalar() {
  static constexpr ChainKernels kKernels{
      load, farthest, {judge, judge, judge, judge, judge, judge, judge}, split_chains};
  return kKernels;
}

}  // namespace framecast::kernels
