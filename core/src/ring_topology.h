#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "box_tree.h"
#include "edge_conflict.h"
#include "framecast/point.h"

namespace framecast {

/// Finds which rings of a family cross or touch where they must not.
///
/// Rings may meet only in a vertex of both. Tests are exact for any finite coordinates. Edges are looked up in a tree
/// of boxes in the order of the rings, so the cost is near linear unless long edges lie aslant side by side.
class RingTopology {
 public:
  /// Loads rings; ring r owns points ring_splits[r] to ring_splits[r + 1], at least 3. The spans must outlive the use.
  void load(std::span<const Point> points, std::span<const std::int64_t> ring_splits);

  /// Marks in `bad` ([R], not cleared) each ring that meets itself or crosses or overlaps another.
  void mark_conflicts(std::span<std::uint8_t> bad);

  /// Twice the shoelace area of a ring, in pixels.
  double doubled_area(std::size_t ring) const;

  /// Nodes of trees looked at since `load`: what the cost is proportional to.
  std::size_t work() const { return work_; }

 private:
  struct Segment {
    std::uint32_t end;  ///< Index of its second point; the first has the segment's own index.
    std::uint32_t ring;
  };

  std::size_t begin_of(std::size_t ring) const { return static_cast<std::size_t>(ring_splits_[ring]); }
  RingEdge edge(std::size_t segment) const;
  std::size_t previous(std::size_t point) const;

  std::span<const Point> points_;
  std::span<const std::int64_t> ring_splits_;
  std::vector<Segment> segments_;
  BoxTree tree_;  ///< Of the segments.
  std::size_t work_ = 0;
};

}  // namespace framecast
