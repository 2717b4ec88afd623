#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "framecast/point.h"

namespace framecast {

/// Finds which rings of a family cross, touch or are no longer nested as they should be.
///
/// Coordinates must be integers below 2^24 in size, as pixel corners are: then every test is exact in double. Rings
/// may meet only in a vertex of both. Segments are looked up in a grid with about one cell per segment, so the cost is
/// near linear in their number and their length in cells.
class RingTopology {
 public:
  /// Loads rings; ring r owns points ring_splits[r] to ring_splits[r + 1], at least 3. The spans must outlive the use.
  void load(std::span<const Point> points, std::span<const std::int64_t> ring_splits);

  /// Marks in `bad` ([R], not cleared) each ring that meets itself or crosses or overlaps another.
  void mark_conflicts(std::span<std::uint8_t> bad) const;

  /// Writes to `parents` ([R]) the smallest ring around each ring, or -1. Needs a family without conflicts.
  void find_parents(std::span<std::int32_t> parents) const;

  /// Twice the shoelace area of a ring, in pixels.
  double doubled_area(std::size_t ring) const;

 private:
  struct Segment {
    std::size_t begin;  ///< Index of its first point.
    std::size_t end;    ///< Index of its second point.
    std::uint32_t ring;
  };
  struct Cells {
    std::int64_t first;
    std::int64_t last;
  };

  std::int64_t cell_row(double y) const;
  std::int64_t cell_column(double x) const;
  Cells cells_in_row(const Segment& segment, std::int64_t row) const;
  template <typename Visit>
  void for_each_cell(const Segment& segment, Visit visit) const;
  bool conflict(const Segment& s, const Segment& t) const;
  bool crosses_at_vertex(std::size_t s, std::uint32_t s_ring, std::size_t t, std::uint32_t t_ring) const;
  std::size_t previous(std::size_t point, std::uint32_t ring) const;

  std::span<const Point> points_;
  std::span<const std::int64_t> ring_splits_;
  std::vector<Segment> segments_;  ///< Segment i begins at point i.
  double left_ = 0;
  double top_ = 0;
  double cell_ = 1;
  std::int64_t rows_ = 1;
  std::int64_t columns_ = 1;
  std::vector<std::uint32_t> cell_splits_;
  std::vector<std::uint32_t> cell_segments_;
};

}  // namespace framecast
