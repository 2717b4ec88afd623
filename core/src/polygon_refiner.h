#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "box_tree.h"
#include "chain_splitter.h"
#include "edge_conflict.h"
#include "framecast/point.h"

namespace framecast {

/// Simplifies the rings of one polygon and gives back points until the rings disturb each other no more than before.
///
/// A chord is an edge of the result that leaves out points. A chord that crosses or touches another edge, or passes
/// over another ring, is split at its farthest point, and its parts again as far as epsilon asks. Edges of the input
/// are never compared with each other, so this ends, at the input itself if need be. Candidates come from a tree over
/// the first result, with boxes around all points of a chain: it serves all later rounds, since parts lie in their
/// chain.
class PolygonRefiner {
 public:
  /// Ring r owns points ring_splits[r] to ring_splits[r + 1], less ring_splits[0]; epsilons is [R]; false where a point
  /// is not finite.
  ///
  /// Points equal to the one before them are taken for one. The spans must outlive the use.
  bool run(std::span<const Point> points, std::span<const std::int64_t> ring_splits, std::span<const float> epsilons);

  /// The same, beginning with what a splitter that has run keeps of these rings: its rings from `first` on. Here no
  /// point may equal the one before it.
  void run(std::span<const Point> points, std::span<const std::int64_t> ring_splits, const ChainSplitter& splitter,
           std::size_t first);

  /// Writes the points of ring r that stay to `out`, which has room for all of them; returns how many.
  std::size_t write(std::size_t ring, Point* out) const;

  /// Nodes and edges looked at by the last run.
  std::size_t work() const { return work_; }

 private:
  struct Chain {
    std::uint32_t begin;
    std::uint32_t end;
  };
  struct Passage {
    std::uint32_t ring;
    std::uint32_t chord;
  };

  void take_kept(const ChainSplitter& splitter, std::size_t first);
  void refine();
  void build_tree(std::span<const Chain> chains, BoxTree& tree) const;
  void restore_all();
  std::size_t after(std::size_t point) const;
  bool is_chord(std::size_t begin) const { return next_[begin] != after(begin); }
  RingEdge edge(std::size_t begin) const { return {before_[begin], begin, next_[begin], ring_of_[begin]}; }
  void mark(std::size_t begin);
  void find_conflicts();
  void find_flipped_rings();
  void find_passed_rings();
  void collect_chords();
  bool find_chords_around(std::size_t point);
  void split_marked(bool restore);
  void split_chord(std::uint32_t begin, bool restore);
  std::size_t farthest(std::size_t begin, std::size_t end, double& squared);
  void link(std::size_t begin, std::size_t end);
  int turning(std::size_t ring, bool simplified) const;

  std::vector<Point> points_;
  std::vector<std::uint32_t> starts_;   ///< [R + 1] where rings begin in points_.
  std::vector<std::uint32_t> ring_of_;  ///< Per point.
  std::vector<double> limits_;          ///< Per ring, squared.
  std::vector<std::uint32_t> next_;     ///< Per point that stays: the next and the one before.
  std::vector<std::uint32_t> before_;
  std::vector<std::uint32_t> firsts_;  ///< Per ring: the lowest point that stays.
  std::vector<std::uint32_t> kept_;
  std::vector<Chain> chains_;      ///< The edges of the first result.
  std::vector<std::uint8_t> bad_;  ///< Per point: the chord that begins here is to be split.
  std::vector<std::uint32_t> marked_;
  std::vector<std::uint32_t> changed_;  ///< Where edges begin that have not been looked at.
  std::vector<Chain> stack_;
  std::vector<Passage> around_;
  BoxTree tree_;
  std::vector<Chain> chords_;  ///< Those that are left when no edges cross.
  BoxTree chord_tree_;
  ChainSplitter splitter_;
  std::size_t work_ = 0;
  std::size_t most_work_ = 0;
};

}  // namespace framecast
