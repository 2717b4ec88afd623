#include "append_polygons.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>

namespace framecast {
namespace {

/// Below this no corner of an outline of pixel edges can go: the sides of a corner are at least 1 long, and no line
/// comes nearer than sqrt(2) / 4 to the corner and to both points one pixel from it.
constexpr double kSmallestEpsilon = 0.35;

/// So many points are simplified together.
constexpr std::size_t kBatchPoints = 4096;

/// The edges of an outline are parallel to the axes.
double perimeter(std::span<const Point> ring) {
  double sum = 0;
  for (std::size_t i = 0; i + 1 < ring.size(); ++i) {
    sum += std::fabs(static_cast<double>(ring[i + 1].x) - ring[i].x) +
           std::fabs(static_cast<double>(ring[i + 1].y) - ring[i].y);
  }
  return sum + std::fabs(static_cast<double>(ring.front().x) - ring.back().x) +
         std::fabs(static_cast<double>(ring.front().y) - ring.back().y);
}

/// In float32, and not above what it is in double; 0 where it changes nothing.
float epsilon_of(double epsilon) {
  if (epsilon < kSmallestEpsilon) return 0;
  const float rounded = static_cast<float>(std::min(epsilon, 1e30));
  return rounded > epsilon ? std::nextafter(rounded, 0.0f) : rounded;
}

}  // namespace

std::span<const Point> PolygonAppender::ring(std::size_t index) const {
  const auto begin = static_cast<std::size_t>(ring_splits_[index]),
             end = static_cast<std::size_t>(ring_splits_[index + 1]);
  return {points_.data() + begin, end - begin};
}

/// Adds the epsilons of the rings behind those that have one; whether any is not 0.
bool PolygonAppender::find_epsilons(float rdp_threshold) {
  bool any = false;
  for (std::size_t r = epsilons_.size(); r + 1 < ring_splits_.size(); ++r) {
    epsilons_.push_back(rdp_threshold > 0 ? epsilon_of(static_cast<double>(rdp_threshold) * perimeter(ring(r))) : 0);
    any |= epsilons_[r] > 0;
  }
  return any;
}

void PolygonAppender::clear() {
  points_.clear();
  ring_splits_.assign(1, 0);
  epsilons_.clear();
  part_ends_.clear();
  instances_.clear();
}

void PolygonAppender::add(const MaskRuns& runs, float rdp_threshold, Polygons& out) {
  trace_rings(runs, traced_, trace_);
  out.areas.push_back(traced_.area);
  out.boxes.push_back(traced_.box);
  Instance instance{ring_splits_.size() - 1, 0, part_ends_.size(), 0, kWhole};
  const std::int64_t before = ring_splits_.back();
  points_.insert(points_.end(), traced_.points.begin(), traced_.points.end());
  for (std::size_t r = 1; r < traced_.ring_splits.size(); ++r) ring_splits_.push_back(before + traced_.ring_splits[r]);
  part_ends_.insert(part_ends_.end(), traced_.part_splits.begin() + 1, traced_.part_splits.end());
  instance.end_ring = ring_splits_.size() - 1;
  instance.end_part = part_ends_.size();
  if (find_epsilons(rdp_threshold)) instance.simplified = 0;
  instances_.push_back(instance);
  if (points_.size() >= kBatchPoints) flush(out);
}

void PolygonAppender::add_nothing(Polygons& out) {
  out.areas.push_back(0);
  out.boxes.push_back({});
  const std::size_t ring = ring_splits_.size() - 1, part = part_ends_.size();
  instances_.push_back({ring, ring, part, part, kWhole});
}

void PolygonAppender::flush(Polygons& out) {
  splitter_.clear();
  for (Instance& instance : instances_) {
    if (instance.simplified == kWhole) continue;
    instance.simplified = splitter_.ring_count();
    for (std::size_t r = instance.first_ring; r < instance.end_ring; ++r) splitter_.add(ring(r), epsilons_[r]);
  }
  splitter_.run();
  for (const Instance& instance : instances_) {
    const std::int64_t first_ring = static_cast<std::int64_t>(out.ring_splits.size()) - 1;
    append_rings(instance, out);
    for (std::size_t p = instance.first_part; p < instance.end_part; ++p) {
      out.part_splits.push_back(first_ring + part_ends_[p]);
    }
    out.instance_splits.push_back(static_cast<std::int64_t>(out.part_splits.size()) - 1);
  }
  clear();
}

/// Adds a ring that is all of a polygon, simplified on its own; false, and nothing added, if it comes to disturb
/// itself.
bool PolygonAppender::append_simple_ring(const Instance& instance, Polygons& out) {
  const std::size_t before = out.points.size();
  out.points.resize(before + ring(instance.first_ring).size());
  out.points.resize(before + splitter_.write(instance.simplified, out.points.data() + before));
  const std::int64_t splits[] = {0, static_cast<std::int64_t>(out.points.size() - before)};
  std::uint8_t bad = 0;
  topology_.load({out.points.data() + before, out.points.size() - before}, splits);
  topology_.mark_conflicts({&bad, 1});
  if (bad == 0 && topology_.doubled_area(0) > 0) {
    out.ring_splits.push_back(static_cast<std::int64_t>(out.points.size()));
    return true;
  }
  out.points.resize(before);
  return false;
}

/// Adds the rings, simplified as far as they stay valid.
void PolygonAppender::append_rings(const Instance& instance, Polygons& out) {
  const std::size_t count = instance.end_ring - instance.first_ring;
  // Most masks are one ring that nothing is wrong with.
  if (instance.simplified != kWhole && count == 1 && append_simple_ring(instance, out)) return;
  const std::size_t before = out.points.size();
  const auto splits = std::span(ring_splits_).subspan(instance.first_ring, count + 1);
  const auto begin = static_cast<std::size_t>(splits.front()), end = static_cast<std::size_t>(splits.back());
  if (instance.simplified == kWhole) {
    out.points.insert(out.points.end(), points_.data() + begin, points_.data() + end);
    for (std::size_t r = 1; r <= count; ++r) {
      out.ring_splits.push_back(static_cast<std::int64_t>(before) + splits[r] - splits[0]);
    }
    return;
  }
  refiner_.run({points_.data() + begin, end - begin}, splits, splitter_, instance.simplified);
  out.points.resize(before + end - begin);
  std::size_t written = before;
  for (std::size_t r = 0; r < count; ++r) {
    written += refiner_.write(r, out.points.data() + written);
    out.ring_splits.push_back(static_cast<std::int64_t>(written));
  }
  out.points.resize(written);
}

}  // namespace framecast
