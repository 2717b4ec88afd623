#pragma once

#include <cstddef>
#include <cstdint>

#include "framecast/point.h"
#include "isa.h"

namespace framecast::kernels {

/// A ring's columns begin at a multiple of this, so that an index tells the ring.
inline constexpr std::uint32_t kColumnBlock = 64;

/// A part of a ring between two points that stay, by their indices in a batch's columns; in one word, which is cheap
/// to write.
class Chain {
 public:
  Chain() = default;
  Chain(std::uint32_t begin, std::uint32_t end) : ends_(begin | static_cast<std::uint64_t>(end) << 32) {}

  std::uint32_t begin() const { return static_cast<std::uint32_t>(ends_); }
  std::uint32_t end() const { return static_cast<std::uint32_t>(ends_ >> 32); }
  /// How many points lie between the ends.
  std::uint32_t inner() const { return end() - begin() - 1; }
  /// Index of the ring's limits.
  std::uint32_t block() const { return begin() / kColumnBlock; }

 private:
  std::uint64_t ends_ = 0;
};

/// What decides over the chains of one ring.
struct ChainLimits {
  double squared;  ///< No point left out may be farther than the root of this.
  /// For kernels in float: below `low` times the chord's squared length a squared cross product is below the limit in
  /// truth, above `high` it is above it.
  float low;
  float high;
  /// Two cross products of which one is larger by `error` times |dx| + |dy| of the chord, plus `tiny`, are in that
  /// order in truth. Both are 0 where float computes cross products without rounding.
  float error;
  float tiny;
  std::uint32_t levels;  ///< So many levels are split by distance; no matter for the kernels.
};

/// A kernel's verdict on a chain: the index to split it at, or one of these.
inline constexpr std::uint32_t kLeaf = 0xffffffff;    ///< Every point is near the chord.
inline constexpr std::uint32_t kUnsure = 0xfffffffe;  ///< Rounding may decide: `judge_chain` must.

/// What a ring's coordinates are like.
struct RingRange {
  float extent;  ///< The longer side of its bounding box; infinite where that is too much for a float.
  bool is_finite;
  bool is_whole;  ///< All coordinates are whole numbers; may be false even so.
};

/// Chains are sorted by how many points they have between their ends: up to 8, 16, 32, 64, 128, 256, or more. There are
/// kernels for each kind, since a loop whose length is hard to foresee costs more than its work.
inline constexpr std::size_t kChainKinds = 7;
inline std::size_t chain_kind(std::uint32_t inner) {
  return std::size_t{inner > 8} + (inner > 16) + (inner > 32) + (inner > 64) + (inner > 128) + (inner > 256);
}

/// Where the parts of split chains go, in any order; each with room for kPartRoom more than there are.
struct ChainParts {
  Chain* few;             ///< Parts of 1 to 8 points between their ends,
  Chain* more;            ///< and of more; where there are none there is no part.
  std::uint32_t* points;  ///< Those that chains were split at.
};
inline constexpr std::size_t kPartRoom = 8;

/// The inner loops. The scalar ones follow the definition, in double; others answer the same or that they are unsure.
struct ChainKernels {
  /// Splits a ring into columns.
  RingRange (*load)(const Point* points, std::size_t count, float* x, float* y);
  /// The lowest index in [begin, end) of a point farthest from point `origin`; `is_exact`: coordinates are whole and
  /// less than 2048 apart.
  std::uint32_t (*farthest_from)(const float* x, const float* y, std::uint32_t begin, std::uint32_t end,
                                 std::uint32_t origin, bool is_exact);
  /// Per kind: writes a verdict for each chain; limits[c.block()] are those of chain c.
  void (*judge[kChainKinds])(const float* x, const float* y, const ChainLimits* limits, const Chain* chains,
                             std::size_t count, std::uint32_t* verdicts);
  /// Splits the chains at their verdicts, none of which is kUnsure.
  void (*split)(const Chain* chains, const std::uint32_t* verdicts, std::size_t count, ChainParts& parts);
};

/// The definition: the inner point farthest from the chord's line, if it is farther than the limit; else the one
/// farthest from the chord itself, if that is; else kLeaf. Ties: the lowest index.
std::uint32_t judge_chain(const float* x, const float* y, double squared_limit, const Chain& chain);

/// The inner point farthest from the chord itself and `squared`: its distance's square times the chord's (if not 0).
std::uint32_t farthest_from_chord(const float* x, const float* y, const Chain& chain, double& squared);

std::uint32_t farthest_from_point(const float* x, const float* y, std::uint32_t begin, std::uint32_t end,
                                  std::uint32_t origin);

void split_chains(const Chain* chains, const std::uint32_t* verdicts, std::size_t count, ChainParts& parts);

const ChainKernels& chain_kernels_scalar();
#if defined(__x86_64__)
const ChainKernels& chain_kernels_avx2();
const ChainKernels& chain_kernels_avx512();
#elif defined(__aarch64__)
const ChainKernels& chain_kernels_neon();
#endif

inline const ChainKernels& chain_kernels(Isa isa) {
#if defined(__x86_64__)
  if (isa == Isa::avx512) return chain_kernels_avx512();
  if (isa == Isa::avx2) return chain_kernels_avx2();
#elif defined(__aarch64__)
  if (isa == Isa::neon) return chain_kernels_neon();
#endif
  static_cast<void>(isa);
  return chain_kernels_scalar();
}

}  // namespace framecast::kernels
