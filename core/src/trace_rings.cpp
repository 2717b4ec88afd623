#include "trace_rings.h"

#include <algorithm>
#include <stdexcept>

namespace framecast {
namespace {

using Edge = TraceScratch::Edge;
using Corner = TraceScratch::Corner;
constexpr std::uint32_t kNone = TraceScratch::kNone;

/// Finds the outline's vertical edges and which follows which, row after row.
///
/// Between two rows, the outline goes across where only one of them is mask. The columns where either row's runs begin
/// or end, in order, are in pairs the two ends of these horizontal edges, but for those where both rows do the same:
/// there a vertical edge goes on. Where one begins and the other ends, two pixels meet at a corner, a saddle; taking
/// the end first leaves the outline at the same pixel, which is what makes parts 4-connected.
class EdgeLinker {
 public:
  explicit EdgeLinker(TraceScratch& scratch) : scratch_(scratch) {}

  void link(const MaskRuns& runs) {
    const std::size_t total = runs.row_splits.back();
    if (total >= std::size_t{1} << 31) throw std::length_error("masks: too many runs");
    if (scratch_.edges.size() < total + 1) scratch_.edges.resize(total + 1);  // One is written for nothing.
    const std::uint32_t* upper = nullptr;
    std::size_t upper_count = 0;
    for (std::size_t y = 0; y <= runs.rows(); ++y) {
      const std::uint32_t* lower = runs.ends.data() + runs.row_splits[std::min(y, runs.rows())];
      const std::size_t lower_count = y < runs.rows() ? runs.row_splits[y + 1] - runs.row_splits[y] : 0;
      if (upper_count == lower_count && are_aligned(upper, lower, upper_count)) {
        link_aligned_rows(lower, lower_count, static_cast<std::uint32_t>(y));
      } else {
        link_rows({upper, upper_count}, {lower, lower_count}, static_cast<std::uint32_t>(y));
      }
      upper = lower;
      upper_count = lower_count;
      if (lower_count == 2) {
        y = link_single_runs(runs, y);
        upper = runs.ends.data() + runs.row_splits[y];
      }
    }
  }

  std::uint32_t edge_count() const { return edge_count_; }
  bool has_saddles() const { return has_saddles_; }

 private:
  struct Row {
    const std::uint32_t* ends;
    std::size_t count;

    /// As an edge's key; past the end beyond all.
    std::uint32_t key(std::size_t i) const { return i < count ? 2 * ends[i] + (i % 2 == 0 ? 1 : 0) : kNone; }
  };

  /// Whether each run lies on one of the other row, and on no other, not even with a corner.
  static bool are_aligned(const std::uint32_t* upper, const std::uint32_t* lower, std::size_t count) {
    for (std::size_t i = 1; i < count; ++i) {
      if (std::max(upper[i - 1], lower[i - 1]) >= std::min(upper[i], lower[i])) return false;
    }
    return true;
  }

  /// Here an edge goes on, or is joined to one at its place. Which it is changes often, so there is no branch: what is
  /// written for nothing is written again, at the latest when the edge ends.
  void link_aligned_rows(const std::uint32_t* lower, std::size_t count, std::uint32_t y) {
    std::uint32_t* const above = scratch_.above.data();
    Edge* const edges = scratch_.edges.data();
    for (std::size_t i = 0; i < count; ++i) {
      const std::uint32_t upward = i % 2 == 0 ? 1 : 0;
      const std::uint32_t key = 2 * lower[i] + upward;
      const std::uint32_t old = above[i];
      const std::uint32_t fresh = edge_count_;
      edges[fresh] = {key, y, y, old, i > 0 ? above[i - 1] : kNone, kNone, kNone, kNone};
      edges[old].bottom = y;
      if (upward == 0) edges[old].next = fresh;
      const bool turns = edges[old].key != key;
      above[i] = turns ? fresh : old;
      edge_count_ += turns;
    }
  }

  /// Goes on from row y, which has one run, for as long as there is one on the run above; returns the last such row.
  /// Most masks are mostly this: it is the above with the two edges at hand.
  std::size_t link_single_runs(const MaskRuns& runs, std::size_t y) {
    std::uint32_t* const above = scratch_.above.data();
    Edge* const edges = scratch_.edges.data();
    const std::size_t* const splits = runs.row_splits.data();
    const std::uint32_t* ends = runs.ends.data() + splits[y];
    const std::size_t rows = runs.rows();
    std::uint32_t left = above[0], right = above[1], count = edge_count_;
    for (; y + 1 < rows && splits[y + 2] - splits[y + 1] == 2 && are_aligned(ends, ends + 2, 2); ++y, ends += 2) {
      const auto row = static_cast<std::uint32_t>(y + 1);
      const std::uint32_t left_key = 2 * ends[2] + 1, right_key = 2 * ends[3];
      edges[count] = {left_key, row, row, left, kNone, kNone, kNone, kNone};
      edges[left].bottom = row;
      const std::uint32_t left_turns = ends[0] != ends[2];
      left += (count - left) & -left_turns;
      count += left_turns;
      edges[count] = {right_key, row, row, kNone, left, kNone, kNone, kNone};
      edges[right].bottom = row;
      edges[right].next = count;
      const std::uint32_t right_turns = ends[1] != ends[3];
      right += (count - right) & -right_turns;
      count += right_turns;
    }
    above[0] = left;
    above[1] = right;
    edge_count_ = count;
    return y;
  }

  void link_rows(const Row& upper, const Row& lower, std::uint32_t y) {
    if (scratch_.here.size() < lower.count) {
      scratch_.here.resize(std::max(lower.count, 2 * scratch_.here.size()));
      scratch_.above.resize(scratch_.here.size());  // They are swapped below.
    }
    const std::uint32_t* const above = scratch_.above.data();
    std::uint32_t* const here = scratch_.here.data();
    Edge* const edges = scratch_.edges.data();
    std::uint32_t open = kNone;  // The edge at the left end of a horizontal edge, until its right end is found.
    auto meet = [&](std::uint32_t edge, bool way_ends_here) {
      if (open == kNone) {
        open = edge;
        return;
      }
      if (way_ends_here) {
        edges[edge].next = open;
      } else {
        edges[open].next = edge;
      }
      open = kNone;
    };
    auto end_upper = [&](std::size_t i, std::uint32_t key) {
      edges[above[i]].bottom = y;
      meet(above[i], key % 2 == 0);
    };
    auto begin_lower = [&](std::size_t j, std::uint32_t key) {
      here[j] = edge_count_++;
      edges[here[j]] = {key, y, y, kNone, j > 0 ? here[j - 1] : kNone, kNone, kNone, kNone};
      meet(here[j], key % 2 == 1);
    };
    std::size_t i = 0;
    std::size_t j = 0;
    while (i < upper.count || j < lower.count) {
      const std::uint32_t upper_key = upper.key(i);
      const std::uint32_t lower_key = lower.key(j);
      if (upper_key == lower_key) {
        here[j++] = above[i++];
      } else if (upper_key / 2 == lower_key / 2) {
        if (upper_key < lower_key) {
          end_upper(i, upper_key);
          begin_lower(j, lower_key);
          edges[above[i]].twin_after = here[j];
          edges[here[j]].twin_after = above[i];
        } else {
          begin_lower(j, lower_key);
          end_upper(i, upper_key);
          edges[above[i]].twin_before = here[j];
          edges[here[j]].twin_before = above[i];
        }
        has_saddles_ = true;
        ++i;
        ++j;
      } else if (upper_key < lower_key) {
        end_upper(i++, upper_key);
      } else {
        begin_lower(j++, lower_key);
      }
    }
    scratch_.above.swap(scratch_.here);
  }

  TraceScratch& scratch_;
  std::uint32_t edge_count_ = 0;
  bool has_saddles_ = false;
};

/// Follows the linked edges and writes the rings, in the order in which they are closed.
class RingWriter {
 public:
  RingWriter(const MaskRuns& runs, std::uint32_t edge_count, TraceScratch& scratch, TracedRings& out)
      : left_(static_cast<std::int32_t>(runs.left)),
        top_(static_cast<std::int32_t>(runs.top)),
        scratch_(scratch),
        out_(out) {
    out.points.resize(2 * std::size_t{edge_count});
    next_ = out.points.data();
  }

  /// An outline that visits no corner twice.
  void follow_simple(std::uint32_t first, std::uint32_t part) {
    Edge* const edges = scratch_.edges.data();
    const bool hole = edges[first].key % 2 == 0;
    std::uint32_t at = first;
    do {
      Edge& edge = edges[at];
      const bool up = edge.key % 2 == 1;
      add(edge.key / 2, up ? edge.bottom : edge.top);
      add(edge.key / 2, up ? edge.top : edge.bottom);
      edge.part = part;
      at = edge.next;
    } while (at != first);
    end_ring(part, hole);
  }

  /// An outline that is cut where it comes to a saddle that is on its path already.
  void follow_with_saddles(std::uint32_t first, std::uint32_t part) {
    Edge* const edges = scratch_.edges.data();
    std::uint32_t at = first;
    do {
      Edge& edge = edges[at];
      const bool up = edge.key % 2 == 1;
      pass({edge.key / 2, up ? edge.bottom : edge.top, at, 0}, edge.twin_before, part);
      pass({edge.key / 2, up ? edge.top : edge.bottom, at, 1}, edge.twin_after, part);
      edge.part = part;
      at = edge.next;
    } while (at != first);
    cut_off(0, part);
  }

 private:
  void add(std::uint32_t x, std::uint32_t y) {
    *next_++ = {static_cast<float>(static_cast<std::int32_t>(x) + left_),
                static_cast<float>(static_cast<std::int32_t>(y) + top_)};
  }

  void end_ring(std::uint32_t part, bool hole) {
    scratch_.rings.push_back({part, hole, static_cast<std::uint32_t>(scratch_.rings.size())});
    out_.ring_splits.push_back(next_ - out_.points.data());
  }

  void pass(const Corner& corner, std::uint32_t twin, std::uint32_t part) {
    auto& path = scratch_.path;
    if (twin != kNone) {
      // What stands at the twin's place tells whether it is still there, and from this outline.
      const std::size_t place = scratch_.places[2 * std::size_t{twin} + corner.after];
      if (place < path.size() && path[place] == Corner{corner.x, corner.y, twin, corner.after}) cut_off(place, part);
      scratch_.places[2 * std::size_t{corner.edge} + corner.after] = static_cast<std::uint32_t>(path.size());
    }
    path.push_back(corner);
  }

  /// Takes the path from `begin` on as a ring.
  void cut_off(std::size_t begin, std::uint32_t part) {
    auto& path = scratch_.path;
    std::int64_t area = 0;
    for (std::size_t i = begin; i < path.size(); ++i) {
      const Corner& corner = path[i];
      const Corner& next = path[i + 1 < path.size() ? i + 1 : begin];
      area += (std::int64_t{next.y} - corner.y) * corner.x;
      add(corner.x, corner.y);
    }
    path.resize(begin);
    end_ring(part, area < 0);
  }

  std::int32_t left_;
  std::int32_t top_;
  TraceScratch& scratch_;
  TracedRings& out_;
  Point* next_;
};

void measure(const MaskRuns& runs, std::uint32_t edge_count, const TraceScratch& scratch, TracedRings& out) {
  const Edge* const edges = scratch.edges.data();
  std::uint32_t left = kNone;
  std::uint32_t right = 0;
  std::uint32_t bottom = 0;
  std::int64_t area = 0;
  for (std::uint32_t e = 0; e < edge_count; ++e) {
    const std::uint32_t x = edges[e].key / 2;
    const std::int64_t pixels = std::int64_t{x} * (edges[e].bottom - edges[e].top);
    area += edges[e].key % 2 == 0 ? pixels : -pixels;
    left = std::min(left, x);
    right = std::max(right, x);
    bottom = std::max(bottom, edges[e].bottom);
  }
  out.area = area;
  out.box = {static_cast<float>(left + runs.left), static_cast<float>(edges[0].top + runs.top),
             static_cast<float>(right + runs.left), static_cast<float>(bottom + runs.top)};
}

/// Brings the rings in the order of their parts, exteriors first.
void order_rings(TraceScratch& scratch, TracedRings& out) {
  auto& rings = scratch.rings;
  if (!std::is_sorted(rings.begin(), rings.end())) {
    std::sort(rings.begin(), rings.end());
    scratch.unordered.points = out.points;
    scratch.unordered.ring_splits = out.ring_splits;
    out.points.clear();
    out.ring_splits.assign(1, 0);
    for (const TraceScratch::Ring& ring : rings) {
      const Point* const points = scratch.unordered.points.data();
      out.points.insert(out.points.end(), points + scratch.unordered.ring_splits[ring.index],
                        points + scratch.unordered.ring_splits[ring.index + 1]);
      out.ring_splits.push_back(static_cast<std::int64_t>(out.points.size()));
    }
  }
  for (std::size_t i = 1; i < rings.size(); ++i) {
    if (rings[i].part != rings[i - 1].part) out.part_splits.push_back(static_cast<std::int64_t>(i));
  }
  out.part_splits.push_back(static_cast<std::int64_t>(rings.size()));
}

}  // namespace

void trace_rings(const MaskRuns& runs, TracedRings& out, TraceScratch& scratch) {
  out.points.clear();
  out.ring_splits.assign(1, 0);
  out.part_splits.assign(1, 0);
  out.area = 0;
  out.box = {};
  EdgeLinker linker(scratch);
  linker.link(runs);
  const std::uint32_t edge_count = linker.edge_count();
  if (edge_count == 0) return;
  measure(runs, edge_count, scratch, out);

  if (linker.has_saddles() && scratch.places.size() < 2 * std::size_t{edge_count}) {
    scratch.places.resize(2 * std::size_t{edge_count});
  }
  scratch.path.clear();
  scratch.rings.clear();
  RingWriter writer(runs, edge_count, scratch, out);
  std::uint32_t parts = 0;
  for (std::uint32_t e = 0; e < edge_count; ++e) {
    const Edge& edge = scratch.edges[e];
    if (edge.part != kNone) continue;
    // The first edge of an outline has mask on its right around a part; on its left above a hole, where the edge before
    // it in the row belongs to the same part.
    const std::uint32_t part = edge.key % 2 == 1 ? parts++ : scratch.edges[edge.left].part;
    if (linker.has_saddles()) {
      writer.follow_with_saddles(e, part);
    } else {
      writer.follow_simple(e, part);
    }
  }
  order_rings(scratch, out);
}

}  // namespace framecast
