#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "framecast/box.h"
#include "framecast/point.h"

namespace framecast {

/// A crop of a mask with a border of one background pixel on each side.
struct MaskCrop {
  std::vector<std::uint8_t> pixels;  ///< [height * width], 0 or 1, border included and 0.
  std::size_t height = 0;
  std::size_t width = 0;
  std::int64_t left = 0;  ///< Image column of the crop's column 1.
  std::int64_t top = 0;   ///< Image row of the crop's row 1.

  /// Makes room for an inner area of the given size, all background.
  void reset(std::size_t inner_height, std::size_t inner_width, std::int64_t image_left, std::int64_t image_top) {
    height = inner_height + 2;
    width = inner_width + 2;
    left = image_left;
    top = image_top;
    pixels.assign(height * width, 0);
  }
  std::uint8_t* inner_row(std::size_t row) { return pixels.data() + (row + 1) * width + 1; }
};

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
