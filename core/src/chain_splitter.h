#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "framecast/point.h"
#include "kernels/simplify_rings.h"

namespace framecast {

/// Ramer-Douglas-Peucker on several rings at a time, level by level.
///
/// The chains of one level, of all rings, do not depend on each other: the processor works on several at once, where a
/// stack would have it wait for each verdict. See `simplify_ring` for what is kept.
class ChainSplitter {
 public:
  /// Forgets all rings.
  void clear();
  /// Adds a ring, whose points must outlive the use; false, and nothing added, where one is not finite.
  bool add(std::span<const Point> ring, double epsilon);
  /// Decides which points stay.
  void run();

  std::size_t ring_count() const { return rings_.size(); }
  /// Writes the points of a ring that stay to `out`, which has room for all of them; returns how many.
  std::size_t write(std::size_t ring, Point* out) const;

  /// Appends the indices of the points of a ring that stay, rising, each plus `offset`.
  void append_kept(std::size_t ring, std::uint32_t offset, std::vector<std::uint32_t>& out) const;
  /// No point left out may be farther from its chord than the root of this; 0 where all points stay.
  double squared_limit(std::size_t ring) const;

  /// Per block of columns, what decides over its ring; for tests.
  std::span<const kernels::ChainLimits> limits() const { return limits_; }
  /// Points that chains had between their ends, summed over the levels of the last run; what its time is made of.
  std::size_t work() const { return work_; }

 private:
  struct Ring {
    const Point* points;
    std::uint32_t count;
    std::uint32_t column;  ///< Where its coordinates begin in the columns, twice in a row.
    bool is_whole;         ///< All its points stay.
  };
  struct Level {
    std::vector<kernels::Chain> chains[kernels::kChainKinds];  ///< With room behind the last.
    std::size_t counts[kernels::kChainKinds] = {};
  };

  void begin_ring(Ring& ring, const kernels::ChainLimits& limits, bool is_exact, bool fits_float);
  std::uint64_t kept_bits(const Ring& ring, std::size_t word) const;
  void push(const kernels::Chain& chain);
  void settle(const kernels::Chain* chains, std::size_t count, std::uint32_t level);
  bool run_level(std::uint32_t number);
  void run_levels();
  void keep_third_points();

  const kernels::ChainKernels* kernels_ = nullptr;
  std::vector<Ring> rings_;
  std::vector<kernels::ChainLimits> limits_;  ///< Of the ring of each block of columns.
  std::vector<float> x_, y_;
  std::size_t columns_ = 0;         ///< How much of x_ and y_ is in use.
  std::vector<std::uint8_t> keep_;  ///< A flag for each place in the columns.
  Level level_, next_;
  std::vector<kernels::Chain> others_;  ///< Those of next_ that are not of the first kind.
  std::vector<std::uint32_t> verdicts_;
  std::vector<std::uint32_t> split_points_;  ///< Of one level.
  std::size_t work_ = 0;
};

}  // namespace framecast
