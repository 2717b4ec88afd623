#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "chain_splitter.h"
#include "framecast/polygons.h"
#include "mask_runs.h"
#include "polygon_refiner.h"
#include "ring_topology.h"
#include "trace_rings.h"

namespace framecast {

/// Turns masks, one after the other, into instances of polygons, simplified with epsilon = rdp_threshold * perimeter.
///
/// The result is valid: a ring that would cross or touch itself or another, or change its nesting, keeps more points.
/// Outlines wait until there are enough of them to be simplified together, which is faster; `flush` after the last.
class PolygonAppender {
 public:
  /// Forgets instances that wait, which a call leaves that ended in an exception.
  void clear();
  /// Adds the outline of a mask as the next instance.
  void add(const MaskRuns& runs, float rdp_threshold, Polygons& out);
  /// Adds an instance without parts.
  void add_nothing(Polygons& out);
  /// Writes the instances that wait.
  void flush(Polygons& out);

 private:
  struct Instance {
    std::size_t first_ring;
    std::size_t end_ring;
    std::size_t first_part;
    std::size_t end_part;
    std::size_t simplified;  ///< Number of its first ring in the splitter; kWhole where all points stay.
  };
  static constexpr std::size_t kWhole = ~std::size_t{0};

  std::span<const Point> ring(std::size_t index) const;
  bool find_epsilons(float rdp_threshold);
  void append_rings(const Instance& instance, Polygons& out);
  bool append_simple_ring(const Instance& instance, Polygons& out);

  TraceScratch trace_;
  TracedRings traced_;
  std::vector<Point> points_;              ///< Of the instances that wait;
  std::vector<std::int64_t> ring_splits_;  ///< [R + 1], from 0 on, where their rings begin in them,
  std::vector<float> epsilons_;            ///< [R]
  std::vector<std::int64_t> part_ends_;  ///< and how many of its instance's rings there are up to the end of each part.
  std::vector<Instance> instances_;
  ChainSplitter splitter_;
  RingTopology topology_;
  PolygonRefiner refiner_;
};

}  // namespace framecast
