#include "chain_splitter.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <utility>

namespace framecast {
namespace {

using kernels::Chain;
using kernels::ChainLimits;

constexpr std::size_t kWord = 64;
/// So many levels, and 8 for each bit of a ring's length, are split by distance.
constexpr std::uint32_t kFreeLevels = 32;

std::size_t words_for(std::size_t count) { return (count + kWord - 1) / kWord; }

/// Eight flags of a byte each, at either place, as bits.
std::uint64_t pack(const std::uint8_t* first, const std::uint8_t* second) {
  std::uint64_t a, b;
  std::memcpy(&a, first, sizeof(a));
  std::memcpy(&b, second, sizeof(b));
  return (a | b) * 0x0102040810204080u >> 56;
}

/// Makes room for `count` values; what was there may go.
template <typename T>
void make_room(std::vector<T>& values, std::size_t count) {
  if (values.size() < count) values.resize(std::max(count, 2 * values.size()));
}

/// Kernels in float keep a distance of this many units in the last place of the ring's extent from each decision.
ChainLimits limits_for(double reach, double extent, bool is_exact, bool fits_float) {
  constexpr double kUnit = 0x1p-24;
  constexpr auto kInfinity = std::numeric_limits<float>::infinity();
  ChainLimits limits{reach * reach, -1, kInfinity, 0, 0, 0};
  if (!fits_float) return limits;
  // A cross product of differences, each rounded once, is off by less than 5 units of extent * (|dx| + |dy|); that is
  // 7.1 of extent * length. So is a scalar product, less the chord's squared length 14.2; and both together 16.
  const double low = is_exact ? reach : reach - 30 * kUnit * extent;
  const double high = is_exact ? reach : reach + 10 * kUnit * extent;
  // Squares and products of these are rounded as well.
  if (low > 0) limits.low = static_cast<float>(std::min(low * low * (1 - 1e-5), 1e38));
  limits.high = high < 1e18 ? static_cast<float>(high * high * (1 + 1e-5)) : kInfinity;
  if (!is_exact) {
    limits.error = static_cast<float>(10 * kUnit * extent);
    limits.tiny = 1e-36f;
  }
  return limits;
}

}  // namespace

void ChainSplitter::clear() {
  kernels_ = &kernels::chain_kernels(active_isa());
  rings_.clear();
  limits_.clear();
  columns_ = 0;
  std::fill_n(level_.counts, kernels::kChainKinds, std::size_t{0});
  work_ = 0;
}

bool ChainSplitter::add(std::span<const Point> points, double epsilon) {
  const auto count = static_cast<std::uint32_t>(points.size());
  Ring ring{points.data(), count, static_cast<std::uint32_t>(columns_), true};
  if (count > 0) {
    make_room(x_, columns_ + 2 * count);
    make_room(y_, x_.size());
    const kernels::RingRange range = kernels_->load(points.data(), count, x_.data() + columns_, y_.data() + columns_);
    if (!range.is_finite) return false;
    const double extent = std::min<double>(range.extent, 2.0 * std::numeric_limits<float>::max());
    // A hair below epsilon, so that rounding in double cannot let a point through that lies beyond it.
    const double reach = epsilon * (1 - 1e-9) - 1e-15 * extent;
    if (count > 3 && reach > 0) {
      const bool is_exact = range.is_whole && extent < 2048;
      // Outside, fourth powers might leave the range of a float.
      const bool fits_float = extent > 1e-3 && extent < 1e9;
      ChainLimits limits = limits_for(reach, extent, is_exact, fits_float);
      limits.levels = kFreeLevels + 8 * static_cast<std::uint32_t>(std::bit_width(count));
      begin_ring(ring, limits, is_exact, fits_float);
    }
  }
  rings_.push_back(ring);
  return true;
}

/// Cuts a ring at two far points.
void ChainSplitter::begin_ring(Ring& ring, const ChainLimits& limits, bool is_exact, bool fits_float) {
  float* x = x_.data();
  float* y = y_.data();
  const std::uint32_t end = ring.column + ring.count;
  auto farthest_from = [&](std::uint32_t origin) {
    std::uint32_t found = kernels::kUnsure;
    if (fits_float) found = kernels_->farthest_from(x, y, ring.column, end, origin, is_exact);
    return found == kernels::kUnsure ? kernels::farthest_from_point(x, y, ring.column, end, origin) : found;
  };
  const std::uint32_t p = farthest_from(ring.column);
  const std::uint32_t q = farthest_from(p);
  if (p == q) return;  // All points are one, and stay.
  ring.is_whole = false;
  const auto [low, high] = std::minmax(p, q);
  // The second chain passes over the ring's end.
  std::copy(x + ring.column, x + low + 1, x + end);
  std::copy(y + ring.column, y + low + 1, y + end);
  const std::size_t blocks = (2 * std::size_t{ring.count} + kernels::kColumnBlock - 1) / kernels::kColumnBlock;
  columns_ += blocks * kernels::kColumnBlock;
  limits_.resize(limits_.size() + blocks, limits);
  make_room(keep_, columns_ + kWord);  // Flags are read a word at a time, past the last.
  std::fill(keep_.data() + ring.column, keep_.data() + columns_, std::uint8_t{0});
  keep_[low] = keep_[high] = 1;
  for (auto& chains : level_.chains) make_room(chains, columns_ / 2 + 2);
  push({low, high});
  push({high, low + ring.count});
}

/// Bit i: whether point 64 * word + i stays. A flag is at either of the two places of its point.
std::uint64_t ChainSplitter::kept_bits(const Ring& ring, std::size_t word) const {
  const std::uint8_t* first = keep_.data() + ring.column + word * kWord;
  const std::uint8_t* second = first + ring.count;
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < kWord; i += 8) bits |= pack(first + i, second + i) << i;
  const std::size_t rest = ring.count - word * kWord;
  return rest < kWord ? bits & ((std::uint64_t{1} << rest) - 1) : bits;
}

void ChainSplitter::push(const Chain& chain) {
  const std::uint32_t inner = chain.inner();
  if (inner == 0) return;
  const std::size_t kind = kernels::chain_kind(inner);
  level_.chains[kind][level_.counts[kind]++] = chain;
}

/// Makes verdicts final that kernels or a chain's level leave open.
void ChainSplitter::settle(const Chain* chains, std::size_t count, std::uint32_t level) {
  std::uint32_t* const verdicts = verdicts_.data();
  bool any_unsure = false;
  for (std::size_t i = 0; i < count; ++i) any_unsure |= verdicts[i] == kernels::kUnsure;
  for (std::size_t i = 0; any_unsure && i < count; ++i) {
    if (verdicts[i] != kernels::kUnsure) continue;
    verdicts[i] = kernels::judge_chain(x_.data(), y_.data(), limits_[chains[i].block()].squared, chains[i]);
  }
  for (std::size_t i = 0; level > kFreeLevels && i < count; ++i) {
    const Chain chain = chains[i];
    if (verdicts[i] == kernels::kLeaf || level <= limits_[chain.block()].levels) continue;
    verdicts[i] = chain.begin() + (chain.inner() + 1) / 2;
  }
}

/// Splits the chains of level_ into those of the next; false where there are none.
bool ChainSplitter::run_level(std::uint32_t number) {
  // Most parts are short; the others are sorted by their kind afterwards.
  kernels::ChainParts parts{next_.chains[0].data(), others_.data(), split_points_.data()};
  for (std::size_t kind = 0; kind < kernels::kChainKinds; ++kind) {
    const Chain* chains = level_.chains[kind].data();
    const std::size_t count = level_.counts[kind];
    if (count == 0) continue;
    kernels_->judge[kind](x_.data(), y_.data(), limits_.data(), chains, count, verdicts_.data());
    settle(chains, count, number);
    kernels_->split(chains, verdicts_.data(), count, parts);
    for (std::size_t i = 0; i < count; ++i) work_ += chains[i].inner();
  }
  std::uint8_t* const keep = keep_.data();
  for (const std::uint32_t* point = split_points_.data(); point != parts.points; ++point) keep[*point] = 1;
  std::swap(level_, next_);
  Chain* ends[kernels::kChainKinds];
  for (std::size_t kind = 0; kind < kernels::kChainKinds; ++kind) ends[kind] = level_.chains[kind].data();
  ends[0] = parts.few;
  for (const Chain* chain = others_.data(); chain != parts.more; ++chain) {
    *ends[kernels::chain_kind(chain->inner())]++ = *chain;
  }
  for (std::size_t kind = 0; kind < kernels::kChainKinds; ++kind) {
    level_.counts[kind] = static_cast<std::size_t>(ends[kind] - level_.chains[kind].data());
  }
  return level_.counts[0] > 0 || parts.more != others_.data();
}

void ChainSplitter::run_levels() {
  for (std::uint32_t number = 1; run_level(number);) ++number;
}

/// Two points are near enough to all of some rings, but no ring: a third one bends one of the chains.
void ChainSplitter::keep_third_points() {
  for (const Ring& ring : rings_) {
    if (ring.is_whole) continue;
    std::uint32_t ends[2];
    std::size_t kept = 0;
    for (std::size_t w = 0; w < words_for(ring.count) && kept <= 2; ++w) {
      for (std::uint64_t word = kept_bits(ring, w); word != 0 && kept <= 2; word &= word - 1, ++kept) {
        if (kept < 2)
          ends[kept] =
              ring.column + static_cast<std::uint32_t>(w * kWord) + static_cast<std::uint32_t>(std::countr_zero(word));
      }
    }
    if (kept > 2) continue;
    const Chain inner{ends[0], ends[1]};
    const Chain outer{ends[1], ends[0] + ring.count};
    double inner_squared, outer_squared;
    const std::uint32_t in = kernels::farthest_from_chord(x_.data(), y_.data(), inner, inner_squared);
    const std::uint32_t out = kernels::farthest_from_chord(x_.data(), y_.data(), outer, outer_squared);
    const bool take_inner = inner_squared >= outer_squared;
    const Chain& chain = take_inner ? inner : outer;
    const std::uint32_t third = take_inner ? in : out;
    keep_[third] = 1;
    push({chain.begin(), third});
    push({third, chain.end()});
  }
}

void ChainSplitter::run() {
  // A chain has at least a point of its own between its ends.
  const std::size_t most = columns_ / 2 + 2 + kernels::kPartRoom;
  for (auto& chains : level_.chains) make_room(chains, most);
  for (auto& chains : next_.chains) make_room(chains, most);
  make_room(others_, most);
  make_room(verdicts_, most);
  make_room(split_points_, most);
  run_levels();
  keep_third_points();
  run_levels();
}

std::size_t ChainSplitter::write(std::size_t number, Point* out) const {
  const Ring& ring = rings_[number];
  if (ring.is_whole) {
    std::copy_n(ring.points, ring.count, out);
    return ring.count;
  }
  Point* next = out;
  const Point* points = ring.points;
  for (std::size_t w = 0; w < words_for(ring.count); ++w, points += kWord) {
    for (std::uint64_t word = kept_bits(ring, w); word != 0; word &= word - 1) {
      *next++ = points[std::countr_zero(word)];
    }
  }
  return static_cast<std::size_t>(next - out);
}

void ChainSplitter::append_kept(std::size_t number, std::uint32_t offset, std::vector<std::uint32_t>& out) const {
  const Ring& ring = rings_[number];
  for (std::uint32_t i = 0; ring.is_whole && i < ring.count; ++i) out.push_back(offset + i);
  for (std::size_t w = 0; !ring.is_whole && w < words_for(ring.count); ++w) {
    const auto base = offset + static_cast<std::uint32_t>(w * kWord);
    for (std::uint64_t word = kept_bits(ring, w); word != 0; word &= word - 1) {
      out.push_back(base + static_cast<std::uint32_t>(std::countr_zero(word)));
    }
  }
}

double ChainSplitter::squared_limit(std::size_t number) const {
  const Ring& ring = rings_[number];
  return ring.is_whole ? 0 : limits_[ring.column / kernels::kColumnBlock].squared;
}

}  // namespace framecast
