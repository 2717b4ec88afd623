#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "framecast/box.h"
#include "framecast/point.h"
#include "mask_crop.h"

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
struct TraceWorkspace {
  struct Run {
    std::uint32_t row;
    std::uint32_t begin;
    std::uint32_t end;
    std::uint32_t parent;  ///< A run of the same part, itself for the part's first.
  };
  struct Corner {
    std::uint32_t x;
    std::uint32_t y;
    bool saddle;
  };
  struct Ring {
    std::uint32_t part;
    bool exterior;
    std::size_t begin;
    std::size_t end;
  };
  std::vector<Run> runs;
  std::vector<std::uint32_t> parts;
  std::vector<Corner> path;
  std::vector<Corner> corners;
  std::vector<Ring> rings;
  std::vector<std::size_t> order;
};

/// Follows the pixel edges of a mask; parts are 4-connected, in raster order of their first pixel.
///
/// Vertices are the pixels' corners in image coordinates, only where the outline turns. Where an outline meets itself
/// at a corner it is cut in two, so every ring visits a point once. Exteriors have positive shoelace area, holes
/// negative. Uses higher bits of the crop's pixels as marks: the crop is spent afterwards.
void trace_rings(MaskCrop& crop, TracedRings& out, TraceWorkspace& workspace);

}  // namespace framecast
