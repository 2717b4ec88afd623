#include "framecast/simplify_visvalingam.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "argument.h"

namespace framecast {
namespace {

/// Rings of so many points together are a task: small against a batch, large against handing a task out.
constexpr std::size_t kChunkPoints = 2048;
constexpr std::size_t kNoLimit = std::numeric_limits<std::size_t>::max();
constexpr std::uint32_t kGone = std::numeric_limits<std::uint32_t>::max();

/// Of the triangle a, b, c. Finite for any finite points: the terms stay below 2^260.
double triangle_area(const Point& a, const Point& b, const Point& c) {
  const double bx = static_cast<double>(b.x) - a.x, by = static_cast<double>(b.y) - a.y;
  const double cx = static_cast<double>(c.x) - a.x, cy = static_cast<double>(c.y) - a.y;
  return std::fabs(bx * cy - by * cx) / 2;
}

/// A binary heap of all points left, the least area first, that knows where each point is.
class AreaHeap {
 public:
  using Entry = VisvalingamScratch::Entry;

  /// Of points 0 to count, with area_of(point).
  template <typename AreaOf>
  AreaHeap(VisvalingamScratch& scratch, std::size_t count, AreaOf&& area_of)
      : entries_(scratch.heap), places_(scratch.places) {
    entries_.resize(count);
    if (places_.size() < count) places_.resize(count);
    for (std::size_t i = 0; i < count; ++i) {
      const auto point = static_cast<std::uint32_t>(i);
      entries_[i] = {area_of(point), point};
      places_[i] = point;
    }
    for (std::size_t i = count / 2; i-- > 0;) sink(i, entries_[i]);
  }

  std::size_t size() const { return entries_.size(); }
  const Entry& least() const { return entries_[0]; }
  bool has(std::size_t point) const { return places_[point] != kGone; }

  void remove_least() {
    places_[entries_[0].point] = kGone;
    const Entry last = entries_.back();
    entries_.pop_back();
    if (!entries_.empty()) sink(0, last);
  }

  void set_area(std::uint32_t point, double area) {
    const std::size_t place = places_[point];
    const Entry entry{area, point};
    if (goes_before(entry, entries_[place])) {
      rise(place, entry);
    } else {
      sink(place, entry);
    }
  }

 private:
  static bool goes_before(const Entry& a, const Entry& b) {
    return a.area < b.area || (a.area == b.area && a.point < b.point);
  }

  void put(std::size_t place, const Entry& entry) {
    entries_[place] = entry;
    places_[entry.point] = static_cast<std::uint32_t>(place);
  }

  void rise(std::size_t place, const Entry entry) {
    while (place > 0) {
      const std::size_t parent = (place - 1) / 2;
      if (!goes_before(entry, entries_[parent])) break;
      put(place, entries_[parent]);
      place = parent;
    }
    put(place, entry);
  }

  void sink(std::size_t place, const Entry entry) {
    const std::size_t count = entries_.size();
    for (std::size_t child = 2 * place + 1; child < count; child = 2 * place + 1) {
      if (child + 1 < count && goes_before(entries_[child + 1], entries_[child])) ++child;
      if (!goes_before(entries_[child], entry)) break;
      put(place, entries_[child]);
      place = child;
    }
    put(place, entry);
  }

  std::vector<Entry>& entries_;
  std::vector<std::uint32_t>& places_;
};

/// Writes the points that stay and returns their number; `out` has room for the ring.
std::size_t simplify(std::span<const Point> ring, double min_area, std::size_t limit, VisvalingamScratch& scratch,
                     Point* out) {
  const std::size_t count = ring.size();
  if (count <= 3 || (min_area == 0 && count <= limit)) {
    std::copy(ring.begin(), ring.end(), out);
    return count;
  }
  auto& before = scratch.before;
  auto& after = scratch.after;
  if (before.size() < count) before.resize(count), after.resize(count);
  for (std::size_t i = 0; i < count; ++i) {
    before[i] = static_cast<std::uint32_t>((i == 0 ? count : i) - 1);
    after[i] = static_cast<std::uint32_t>(i + 1 == count ? 0 : i + 1);
  }
  auto area_of = [&](std::uint32_t point) {
    return triangle_area(ring[before[point]], ring[point], ring[after[point]]);
  };
  AreaHeap heap(scratch, count, area_of);
  while (heap.size() > 3) {
    const auto [area, point] = heap.least();
    if (area >= min_area && heap.size() <= limit) break;
    heap.remove_least();
    const std::uint32_t left = before[point], right = after[point];
    after[left] = right;
    before[right] = left;
    heap.set_area(left, std::max(area, area_of(left)));
    heap.set_area(right, std::max(area, area_of(right)));
  }
  Point* next = out;
  for (std::size_t i = 0; i < count; ++i) {
    if (heap.has(i)) *next++ = ring[i];
  }
  return heap.size();
}

}  // namespace

void simplify_visvalingam(std::span<const Point> points, std::span<const std::int64_t> ring_splits,
                          std::span<const float> min_areas, std::span<const std::int32_t> max_points,
                          std::vector<Point>& out_points, std::vector<std::int64_t>& out_splits,
                          VisvalingamWorkspace& workspace, ThreadPool* pool) {
  constexpr std::size_t kMostPoints = std::size_t{1} << 30;
  require_splits(ring_splits, points.size(), "ring_splits");
  require(min_areas.size() + 1 == ring_splits.size(), "min_areas: must have one entry per ring");
  require_lengths(min_areas, "min_areas: must be finite and not negative");
  require(max_points.empty() || max_points.size() == min_areas.size(), "max_points: must have one entry per ring");
  for (const std::int32_t most : max_points) require(most == 0 || most >= 3, "max_points: must be 0 or at least 3");
  require(points.size() < kMostPoints, "points: must be fewer than 2^30");
  require_finite(points, "points: must be finite");
  const std::size_t rings = min_areas.size();
  auto begin_of = [&](std::size_t ring) { return static_cast<std::size_t>(ring_splits[ring]); };

  auto& chunks = workspace.chunks;
  chunks.assign(1, 0);
  for (std::size_t r = 0; r < rings; ++r) {
    if (begin_of(r + 1) - begin_of(chunks.back()) >= kChunkPoints || r + 1 == rings) chunks.push_back(r + 1);
  }
  const std::size_t tasks = chunks.size() - 1;
  workspace.kept.assign(tasks, 0);
  if (workspace.threads.size() < thread_count(pool)) workspace.threads.resize(thread_count(pool));
  if (workspace.room.size() < points.size()) workspace.room.resize(points.size());
  out_splits.resize(rings + 1);
  out_splits[0] = 0;
  // Each task writes where its points begin, and the number that each ring keeps behind the ring's place.
  run(pool, tasks, [&](std::size_t task, std::size_t thread) {
    Point* const room = workspace.room.data() + begin_of(chunks[task]);
    std::size_t total = 0;
    for (std::size_t r = chunks[task]; r < chunks[task + 1]; ++r) {
      const auto ring = points.subspan(begin_of(r), begin_of(r + 1) - begin_of(r));
      const std::size_t limit =
          max_points.empty() || max_points[r] == 0 ? kNoLimit : static_cast<std::size_t>(max_points[r]);
      const std::size_t kept = simplify(ring, min_areas[r], limit, workspace.threads[thread], room + total);
      total += kept;
      out_splits[r + 1] = static_cast<std::int64_t>(kept);
    }
    workspace.kept[task] = total;
  });
  for (std::size_t r = 0; r < rings; ++r) out_splits[r + 1] += out_splits[r];
  out_points.clear();
  out_points.reserve(static_cast<std::size_t>(out_splits[rings]));
  for (std::size_t task = 0; task < tasks; ++task) {
    const Point* begin = workspace.room.data() + begin_of(chunks[task]);
    out_points.insert(out_points.end(), begin, begin + workspace.kept[task]);
  }
}

}  // namespace framecast
