#pragma once

#include <compare>
#include <cstdint>
#include <vector>

#include "framecast/box.h"
#include "framecast/point.h"
#include "mask_runs.h"

namespace framecast {

/// The outlines of one mask: rings grouped by part, a part's exterior before its holes.
struct TracedRings {
  std::vector<Point> points;
  std::vector<std::int64_t> ring_splits;
  std::vector<std::int64_t> part_splits;
  std::int64_t area = 0;  ///< Mask pixels.
  Box box{};              ///< Around the mask pixels; zeros where there is none.
};

/// Memory of `trace_rings`, reused across calls.
struct TraceScratch {
  static constexpr std::uint32_t kNone = 0xffffffffu;

  /// A vertical edge of the outline, as long as it goes straight; the way along it has mask on its right hand.
  struct Edge {
    std::uint32_t key;  ///< 2 * x, plus 1 where mask lies to its right: there the way goes up, else down.
    std::uint32_t top;
    std::uint32_t bottom;
    std::uint32_t next;         ///< The edge that follows on the outline.
    std::uint32_t left;         ///< The nearest edge on its left in its first row, or kNone.
    std::uint32_t part;         ///< kNone until its outline was followed.
    std::uint32_t twin_before;  ///< Where it begins at a saddle: the edge that begins there as well; else kNone.
    std::uint32_t twin_after;   ///< The same where it ends.
  };
  /// A corner of the outline: where `edge` begins or, `after`, where it ends.
  struct Corner {
    std::uint32_t x;
    std::uint32_t y;
    std::uint32_t edge;
    std::uint32_t after;

    bool operator==(const Corner&) const = default;
  };
  struct Ring {
    std::uint32_t part;
    bool hole;
    std::uint32_t index;

    auto operator<=>(const Ring&) const = default;
  };
  std::vector<Edge> edges;
  std::vector<std::uint32_t> above;   ///< The edges that pass the row above, from left to right,
  std::vector<std::uint32_t> here;    ///< and those of the row itself.
  std::vector<Corner> path;           ///< The outline so far, without what was cut off.
  std::vector<std::uint32_t> places;  ///< Per edge, where its two corners were put on the path.
  std::vector<Ring> rings;
  TracedRings unordered;
};

/// Follows the pixel edges of a mask; parts are 4-connected, in raster order of their first pixel.
///
/// Vertices are the pixels' corners in image coordinates, only where the outline turns. Where an outline meets itself
/// at a corner it is cut in two, so every ring visits a point once. Exteriors have positive shoelace area, holes
/// negative. Takes time and memory for the ends of runs, not for pixels.
/// Throws std::length_error for 2^31 ends of runs or more.
void trace_rings(const MaskRuns& runs, TracedRings& out, TraceScratch& scratch);

}  // namespace framecast
