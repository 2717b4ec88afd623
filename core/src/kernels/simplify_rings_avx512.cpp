#if defined(__x86_64__)

#include <immintrin.h>

#include <algorithm>
#include <bit>

#include "kernels/simplify_rings.h"

#define FRAMECAST_AVX512 __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi")))

namespace framecast::kernels {
namespace {

constexpr std::uint32_t kLanes = 16;
constexpr std::size_t kAhead = 2048;

__mmask16 first_lanes(std::size_t count) {
  return static_cast<__mmask16>(count < kLanes ? (1u << count) - 1 : 0xffffu);
}

FRAMECAST_AVX512 RingRange load(const Point* points, std::size_t count, float* x, float* y) {
  const __m512i evens = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
  const __m512i odds = _mm512_add_epi32(evens, _mm512_set1_epi32(1));
  __m512 left = _mm512_set1_ps(points[0].x), right = left;
  __m512 top = _mm512_set1_ps(points[0].y), bottom = top;
  constexpr int kNotFinite = 0x99;  // NaN of either kind, infinity of either sign.
  __mmask16 odd = 0, fraction = 0;
  const auto* pairs = reinterpret_cast<const float*>(points);
  auto step = [&](std::size_t i, __mmask16 lanes, __m512 low, __m512 high) FRAMECAST_AVX512 {
    const __m512 xs = _mm512_permutex2var_ps(low, evens, high), ys = _mm512_permutex2var_ps(low, odds, high);
    if (lanes == 0xffff) {
      _mm512_storeu_ps(x + i, xs);
      _mm512_storeu_ps(y + i, ys);
    } else {
      _mm512_mask_storeu_ps(x + i, lanes, xs);
      _mm512_mask_storeu_ps(y + i, lanes, ys);
    }
    left = _mm512_mask_min_ps(left, lanes, left, xs);
    right = _mm512_mask_max_ps(right, lanes, right, xs);
    top = _mm512_mask_min_ps(top, lanes, top, ys);
    bottom = _mm512_mask_max_ps(bottom, lanes, bottom, ys);
    // Lanes past the end are 0, which is a whole number and finite.
    odd |= _mm512_fpclass_ps_mask(xs, kNotFinite) | _mm512_fpclass_ps_mask(ys, kNotFinite);
    if (fraction != 0) return;
    fraction |= _mm512_cmp_ps_mask(_mm512_roundscale_ps(xs, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC), xs, _CMP_NEQ_UQ);
    fraction |= _mm512_cmp_ps_mask(_mm512_roundscale_ps(ys, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC), ys, _CMP_NEQ_UQ);
  };
  std::size_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    // Rings mostly lie one behind the other, but the processor stops foreseeing at the end of a page.
    _mm_prefetch(reinterpret_cast<const char*>(pairs + 2 * i) + kAhead, _MM_HINT_T0);
    _mm_prefetch(reinterpret_cast<const char*>(pairs + 2 * i) + kAhead + 64, _MM_HINT_T0);
    step(i, 0xffff, _mm512_loadu_ps(pairs + 2 * i), _mm512_loadu_ps(pairs + 2 * i + kLanes));
  }
  if (i < count) {
    const std::size_t rest = count - i;
    const __mmask16 second = rest > 8 ? first_lanes(2 * rest - kLanes) : static_cast<__mmask16>(0);
    step(i, first_lanes(rest), _mm512_maskz_loadu_ps(first_lanes(2 * rest), pairs + 2 * i),
         _mm512_maskz_loadu_ps(second, pairs + 2 * i + kLanes));
  }
  const float width = _mm512_reduce_max_ps(right) - _mm512_reduce_min_ps(left);
  const float height = _mm512_reduce_max_ps(bottom) - _mm512_reduce_min_ps(top);
  return {std::max(width, height), odd == 0, fraction == 0};
}

FRAMECAST_AVX512 __mmask16 at_least(__mmask16 lanes, __m512 values, __m512 bound) {
  return _mm512_mask_cmp_ps_mask(lanes, values, bound, _CMP_GE_OQ);
}

FRAMECAST_AVX512 __m512 highest(__m512 values) {
  values = _mm512_max_ps(values, _mm512_shuffle_f32x4(values, values, 0x4e));
  values = _mm512_max_ps(values, _mm512_shuffle_f32x4(values, values, 0xb1));
  values = _mm512_max_ps(values, _mm512_permute_ps(values, 0x4e));
  return _mm512_max_ps(values, _mm512_permute_ps(values, 0xb1));
}

struct AllLanes {};

/// Lanes that are not asked for are 0, and not read.
FRAMECAST_AVX512 __m512 load_lanes(const float* values, __mmask16 lanes) {
  return _mm512_maskz_loadu_ps(lanes, values);
}
FRAMECAST_AVX512 __m512 load_lanes(const float* values, AllLanes) { return _mm512_loadu_ps(values); }

/// Lanes of the vector that begins `before` points behind the first of `inner`.
__mmask16 lanes_from(std::uint32_t before, std::uint32_t inner) {
  return first_lanes(inner > before ? inner - before : 0);
}

/// The largest of many values, and where it is.
///
/// `values(first, lanes)` gives sixteen of them, of which those in `lanes` count; none is negative. They are seen by
/// blocks of four vectors, and only the block that holds the largest is looked up.
template <typename Values>
class Largest {
 public:
  FRAMECAST_AVX512 Largest(const Values& values, std::uint32_t begin, std::uint32_t end)
      : values_(values), end_(end), second_(_mm512_set1_ps(-1)), best_(second_), block_(_mm512_setzero_si512()) {
    constexpr AllLanes kAll;
    std::uint32_t at = begin;
    for (; at + kBlock <= end; at += kBlock) {
      see(_mm512_max_ps(_mm512_max_ps(values(at, kAll), values(at + kLanes, kAll)),
                        _mm512_max_ps(values(at + 2 * kLanes, kAll), values(at + 3 * kLanes, kAll))),
          at);
    }
    __m512 last = second_;
    for (std::uint32_t v = 0; v < kBlock / kLanes; ++v) {
      const __mmask16 lanes = lanes_from(v * kLanes, end - at);
      last_[v] = values(at + v * kLanes, lanes);
      last = _mm512_mask_max_ps(last, lanes, last, last_[v]);
    }
    see(last, at);
    value_ = highest(best_);
    has_one_block_ = at == begin;
  }

  /// In every lane.
  FRAMECAST_AVX512 __m512 value() const { return value_; }

  /// The lowest index of the largest; kUnsure where others come up to `bound` and may be larger in truth.
  FRAMECAST_AVX512 std::uint32_t find(__m512 bound, bool is_exact) const {
    const __mmask16 close = at_least(0xffff, best_, bound);
    const std::uint32_t first = _mm512_mask_reduce_min_epu32(close, block_);
    std::uint64_t close_here = 0;
    for (std::uint32_t v = 0; v < kBlock / kLanes; ++v) {
      const __mmask16 lanes = lanes_from(v * kLanes, end_ - first);
      const __m512 values = has_one_block_ ? last_[v] : values_(first + v * kLanes, lanes);
      close_here |= std::uint64_t{at_least(lanes, values, bound)} << (v * kLanes);
    }
    const bool is_alone =
        (close & (close - 1)) == 0 && (close_here & (close_here - 1)) == 0 && at_least(0xffff, second_, bound) == 0;
    if (!is_exact && !is_alone) return kUnsure;
    return first + static_cast<std::uint32_t>(std::countr_zero(close_here));
  }

 private:
  static constexpr std::uint32_t kBlock = 4 * kLanes;

  FRAMECAST_AVX512 void see(__m512 largest, std::uint32_t at) {
    block_ = _mm512_mask_mov_epi32(block_, _mm512_cmp_ps_mask(largest, best_, _CMP_GT_OQ),
                                   _mm512_set1_epi32(static_cast<int>(at)));
    second_ = _mm512_max_ps(second_, _mm512_min_ps(best_, largest));
    best_ = _mm512_max_ps(best_, largest);
  }

  Values values_;
  std::uint32_t end_;
  __m512 second_;  ///< Per lane: the largest but one of the blocks,
  __m512 best_;    ///< the largest,
  __m512i block_;  ///< and where its block begins.
  __m512 value_;
  __m512 last_[kBlock / kLanes];  ///< The values of the last block.
  bool has_one_block_;
};

FRAMECAST_AVX512 std::uint32_t farthest_from(const float* x, const float* y, std::uint32_t begin, std::uint32_t end,
                                             std::uint32_t origin, bool is_exact) {
  const __m512 ox = _mm512_set1_ps(x[origin]), oy = _mm512_set1_ps(y[origin]);
  const auto squared = [=](std::uint32_t at, auto lanes) FRAMECAST_AVX512 {
    const __m512 px = _mm512_sub_ps(load_lanes(x + at, lanes), ox), py = _mm512_sub_ps(load_lanes(y + at, lanes), oy);
    return _mm512_add_ps(_mm512_mul_ps(px, px), _mm512_mul_ps(py, py));
  };
  const Largest largest(squared, begin, end);
  const float value = _mm512_cvtss_f32(largest.value());
  if (!(value > 1e-30f)) return kUnsure;
  // Squares add up without cancelling: a few units in the last place are all that rounding can change.
  return largest.find(_mm512_set1_ps(is_exact ? value : value * (1 - 1e-6f)), is_exact);
}

/// The chord of a chain, in every lane.
struct Chord {
  __m512 ax, ay, dx, dy, squared_length;

  FRAMECAST_AVX512 Chord(const float* x, const float* y, const Chain& chain)
      : ax(_mm512_set1_ps(x[chain.begin()])),
        ay(_mm512_set1_ps(y[chain.begin()])),
        dx(_mm512_sub_ps(_mm512_set1_ps(x[chain.end()]), ax)),
        dy(_mm512_sub_ps(_mm512_set1_ps(y[chain.end()]), ay)),
        squared_length(_mm512_add_ps(_mm512_mul_ps(dx, dx), _mm512_mul_ps(dy, dy))) {}

  FRAMECAST_AVX512 __m512 across(__m512 px, __m512 py) const {
    return _mm512_abs_ps(_mm512_sub_ps(_mm512_mul_ps(px, dy), _mm512_mul_ps(py, dx)));
  }
  FRAMECAST_AVX512 __m512 beyond(__m512 px, __m512 py) const {
    const __m512 along = _mm512_add_ps(_mm512_mul_ps(px, dx), _mm512_mul_ps(py, dy));
    const __m512 zero = _mm512_setzero_ps();
    return _mm512_max_ps(_mm512_max_ps(_mm512_sub_ps(zero, along), _mm512_sub_ps(along, squared_length)), zero);
  }
  /// Lanes of points for which `beyond` is not 0.
  FRAMECAST_AVX512 __mmask16 beyond_lanes(__mmask16 lanes, __m512 px, __m512 py) const {
    const __m512 along = _mm512_add_ps(_mm512_mul_ps(px, dx), _mm512_mul_ps(py, dy));
    return _mm512_mask_cmp_ps_mask(lanes, along, _mm512_setzero_ps(), _CMP_LT_OQ) |
           _mm512_mask_cmp_ps_mask(lanes, along, squared_length, _CMP_GT_OQ);
  }
  /// Lanes of points that are not certainly near.
  FRAMECAST_AVX512 __mmask16 maybe_far(__mmask16 lanes, __m512 across, __m512 beyond, const ChainLimits& limits) const {
    const __m512 squared = _mm512_add_ps(_mm512_mul_ps(across, across),
                                         _mm512_add_ps(_mm512_mul_ps(beyond, beyond), _mm512_set1_ps(1e-36f)));
    const __m512 limit = _mm512_mul_ps(_mm512_set1_ps(limits.low), squared_length);
    return _mm512_mask_cmp_ps_mask(lanes, squared, limit, _CMP_NLT_UQ);
  }
  /// What a cross product must reach to be the largest for all that is known.
  FRAMECAST_AVX512 __m512 close_to(__m512 largest, const ChainLimits& limits) const {
    const __m512 size = _mm512_add_ps(_mm512_abs_ps(dx), _mm512_abs_ps(dy));
    const __m512 error = _mm512_add_ps(_mm512_mul_ps(_mm512_set1_ps(limits.error), size), _mm512_set1_ps(limits.tiny));
    return _mm512_sub_ps(largest, error);
  }
  FRAMECAST_AVX512 bool is_far(__m512 largest, const ChainLimits& limits) const {
    const __m512 limit =
        _mm512_add_ps(_mm512_mul_ps(_mm512_set1_ps(limits.high), squared_length), _mm512_set1_ps(1e-36f));
    return (_mm512_cmp_ps_mask(_mm512_mul_ps(largest, largest), limit, _CMP_GT_OQ) & 1) != 0;
  }
};

/// Whether products of the ring are computed without rounding. By its bits: a compare of floats costs more.
bool is_exact(const ChainLimits& limits) { return std::bit_cast<std::uint32_t>(limits.error) == 0; }

/// kLeaf, else `split` if it is known, else kUnsure. By masks, lest the compiler branch on what is hard to foresee.
std::uint32_t choose(bool is_near, bool is_known, std::uint32_t split) {
  static_assert(kLeaf == ~std::uint32_t{0});
  const std::uint32_t known = -std::uint32_t{is_known};
  return (split & known) | (kUnsure & ~known) | -std::uint32_t{is_near};
}

/// For a chain that is not far for certain: kLeaf where each of its points is near.
FRAMECAST_AVX512 std::uint32_t judge_closely(const float* x, const float* y, const ChainLimits& limits,
                                             const Chain& chain) {
  const Chord chord(x, y, chain);
  __mmask16 maybe_far = 0;
  for (std::uint32_t i = chain.begin() + 1; i < chain.end(); i += kLanes) {
    const __mmask16 lanes = first_lanes(chain.end() - i);
    const __m512 px = _mm512_sub_ps(_mm512_maskz_loadu_ps(lanes, x + i), chord.ax);
    const __m512 py = _mm512_sub_ps(_mm512_maskz_loadu_ps(lanes, y + i), chord.ay);
    maybe_far |= chord.maybe_far(lanes, chord.across(px, py), chord.beyond(px, py), limits);
  }
  return maybe_far == 0 ? kLeaf : kUnsure;
}

/// Looks at the chains again that are not far for certain, nor near in their line and beside their chord.
FRAMECAST_AVX512 void look_closely(const float* x, const float* y, const ChainLimits* limits, const Chain* chains,
                                   std::size_t count, std::uint32_t* verdicts) {
  for (std::size_t i = 0; i < count; i += kLanes) {
    const __mmask16 lanes = first_lanes(count - i);
    const __m512i some = _mm512_maskz_loadu_epi32(lanes, verdicts + i);
    std::uint32_t open = _mm512_cmpeq_epi32_mask(some, _mm512_set1_epi32(static_cast<int>(kUnsure)));
    for (; open != 0; open &= open - 1) {
      const std::size_t at = i + static_cast<std::size_t>(std::countr_zero(open));
      verdicts[at] = judge_closely(x, y, limits[chains[at].block()], chains[at]);
    }
  }
}

/// Without a branch, for chains that fill more than half of so many vectors.
///
/// Long chains are mostly far: whether points lie beyond their chord is not asked before it matters.
template <std::uint32_t kVectors>
FRAMECAST_AVX512 void judge_few(const float* x, const float* y, const ChainLimits* all_limits, const Chain* chains,
                                std::size_t count, std::uint32_t* verdicts) {
  constexpr bool kIsLong = kVectors > 4;
  constexpr std::uint32_t kVectorsPerWord = 64 / kLanes, kWords = (kVectors + kVectorsPerWord - 1) / kVectorsPerWord;
  const __m512 zero = _mm512_setzero_ps();
  for (std::size_t i = 0; i < count; ++i) {
    const Chain chain = chains[i];
    const ChainLimits& limits = all_limits[chain.block()];
    const Chord chord(x, y, chain);
    const std::uint32_t inner = chain.inner(), begin = chain.begin() + 1;
    __m512 across[kVectors];
    __mmask16 beyond = 0;
    __m512 largest = zero;
    for (std::uint32_t v = 0; v < kVectors; ++v) {
      const std::uint32_t at = v * kLanes;
      const __mmask16 lanes = v < kVectors / 2 ? static_cast<__mmask16>(0xffff) : lanes_from(at, inner);
      const __m512 px = _mm512_sub_ps(load_lanes(x + begin + at, lanes), chord.ax);
      const __m512 py = _mm512_sub_ps(load_lanes(y + begin + at, lanes), chord.ay);
      across[v] = _mm512_maskz_mov_ps(lanes, chord.across(px, py));
      largest = _mm512_max_ps(largest, across[v]);
      if constexpr (!kIsLong) beyond |= chord.beyond_lanes(lanes, px, py);
    }
    largest = highest(largest);
    const __m512 bound = chord.close_to(largest, limits);
    std::uint64_t close[kWords] = {};
    for (std::uint32_t v = 0; v < kVectors; ++v) {
      const __mmask16 lanes = v < kVectors / 2 ? static_cast<__mmask16>(0xffff) : lanes_from(v * kLanes, inner);
      close[v / kVectorsPerWord] |= std::uint64_t{at_least(lanes, across[v], bound)} << (v % kVectorsPerWord * kLanes);
    }
    int how_many = 0;
    std::uint32_t split = 0;
    for (std::uint32_t w = kWords; w-- > 0;) {
      how_many += std::popcount(close[w]);
      const std::uint32_t here = begin + w * 64 + static_cast<std::uint32_t>(std::countr_zero(close[w]));
      split = close[w] != 0 ? here : split;
    }
    // Where no point lies before or behind the chord, the farthest from the line decides.
    const bool is_near = (beyond == 0) & !kIsLong & ((chord.maybe_far(1, largest, zero, limits) & 1) == 0);
    const bool is_far = chord.is_far(largest, limits);
    verdicts[i] = choose(is_near, is_far & ((how_many == 1) | is_exact(limits)), split);
  }
  look_closely(x, y, all_limits, chains, count, verdicts);
}

/// The same for up to 8 inner points, in half a vector.
FRAMECAST_AVX512 void judge_eight(const float* x, const float* y, const ChainLimits* all_limits, const Chain* chains,
                                  std::size_t count, std::uint32_t* verdicts) {
  const __m128 tiny = _mm_set1_ps(1e-36f);
  const __m256 zero = _mm256_setzero_ps();
  const __m256 positive = _mm256_castsi256_ps(_mm256_set1_epi32(0x7fffffff));
  for (std::size_t i = 0; i < count; ++i) {
    const Chain chain = chains[i];
    const ChainLimits& limits = all_limits[chain.block()];
    const auto lanes = static_cast<__mmask8>(0xffu >> (8 - chain.inner()));
    const __m256 ax = _mm256_set1_ps(x[chain.begin()]), ay = _mm256_set1_ps(y[chain.begin()]);
    const __m256 dx = _mm256_sub_ps(_mm256_set1_ps(x[chain.end()]), ax);
    const __m256 dy = _mm256_sub_ps(_mm256_set1_ps(y[chain.end()]), ay);
    const __m256 squared_length = _mm256_add_ps(_mm256_mul_ps(dx, dx), _mm256_mul_ps(dy, dy));
    const __m256 px = _mm256_sub_ps(_mm256_maskz_loadu_ps(lanes, x + chain.begin() + 1), ax);
    const __m256 py = _mm256_sub_ps(_mm256_maskz_loadu_ps(lanes, y + chain.begin() + 1), ay);
    const __m256 across =
        _mm256_maskz_and_ps(lanes, positive, _mm256_sub_ps(_mm256_mul_ps(px, dy), _mm256_mul_ps(py, dx)));
    const __m256 along = _mm256_add_ps(_mm256_mul_ps(px, dx), _mm256_mul_ps(py, dy));
    const __mmask8 beyond = _mm256_mask_cmp_ps_mask(lanes, along, zero, _CMP_LT_OQ) |
                            _mm256_mask_cmp_ps_mask(lanes, along, squared_length, _CMP_GT_OQ);
    __m256 largest = _mm256_max_ps(across, _mm256_permute2f128_ps(across, across, 1));
    largest = _mm256_max_ps(largest, _mm256_permute_ps(largest, 0x4e));
    largest = _mm256_max_ps(largest, _mm256_permute_ps(largest, 0xb1));
    const __m256 size = _mm256_add_ps(_mm256_and_ps(dx, positive), _mm256_and_ps(dy, positive));
    const __m256 error = _mm256_add_ps(_mm256_mul_ps(_mm256_set1_ps(limits.error), size), _mm256_set1_ps(limits.tiny));
    const std::uint32_t close = _mm256_mask_cmp_ps_mask(lanes, across, _mm256_sub_ps(largest, error), _CMP_GE_OQ);
    const __m128 length = _mm256_castps256_ps128(squared_length), most = _mm256_castps256_ps128(largest);
    const __m128 squared = _mm_mul_ss(most, most);
    const __m128 low = _mm_mul_ss(_mm_set_ss(limits.low), length);
    const __m128 high = _mm_add_ss(_mm_mul_ss(_mm_set_ss(limits.high), length), tiny);
    const bool is_near = (beyond == 0) & (_mm_comilt_ss(_mm_add_ss(squared, tiny), low) != 0);
    const bool is_far = _mm_comigt_ss(squared, high) != 0;
    const bool is_known = ((close & (close - 1)) == 0) | is_exact(limits);
    const std::uint32_t split = chain.begin() + 1 + static_cast<std::uint32_t>(std::countr_zero(close));
    verdicts[i] = choose(is_near, is_far & is_known, split);
  }
  look_closely(x, y, all_limits, chains, count, verdicts);
}

FRAMECAST_AVX512 std::uint32_t judge_one(const float* x, const float* y, const ChainLimits& limits,
                                         const Chain& chain) {
  const Chord chord(x, y, chain);
  const auto across = [=](std::uint32_t at, auto lanes) FRAMECAST_AVX512 {
    return chord.across(_mm512_sub_ps(load_lanes(x + at, lanes), chord.ax),
                        _mm512_sub_ps(load_lanes(y + at, lanes), chord.ay));
  };
  const Largest largest(across, chain.begin() + 1, chain.end());
  if (!chord.is_far(largest.value(), limits)) return judge_closely(x, y, limits, chain);
  return largest.find(chord.close_to(largest.value(), limits), limits.error == 0);
}

FRAMECAST_AVX512 void judge_long(const float* x, const float* y, const ChainLimits* limits, const Chain* chains,
                                 std::size_t count, std::uint32_t* verdicts) {
  for (std::size_t i = 0; i < count; ++i) verdicts[i] = judge_one(x, y, limits[chains[i].block()], chains[i]);
}

/// Eight chains at a time.
FRAMECAST_AVX512 void split(const Chain* chains, const std::uint32_t* verdicts, std::size_t count, ChainParts& given) {
  constexpr __mmask16 kEnds = 0xaaaa;  // The upper half of each chain.
  const __m512i one = _mm512_set1_epi64(1), nine = _mm512_set1_epi64(9);
  ChainParts parts = given;
  auto append = [](auto*& out, __mmask8 lanes, __m512i values) FRAMECAST_AVX512 {
    _mm512_storeu_si512(out, _mm512_maskz_compress_epi64(lanes, values));
    out += std::popcount(std::uint32_t{lanes});
  };
  for (std::size_t i = 0; i < count; i += 8) {
    const auto lanes = static_cast<__mmask8>(first_lanes(std::min<std::size_t>(count - i, 8)));
    const __m512i chain = _mm512_maskz_loadu_epi64(lanes, chains + i);
    const __m256i at = _mm256_maskz_loadu_epi32(lanes, verdicts + i);
    const __m512i middle = _mm512_cvtepu32_epi64(at);
    const __mmask8 is_split = _mm256_mask_cmpneq_epi32_mask(lanes, at, _mm256_set1_epi32(static_cast<int>(kLeaf)));
    const __m512i left = _mm512_mask_mov_epi32(chain, kEnds, _mm512_slli_epi64(middle, 32));
    const __m512i right = _mm512_mask_mov_epi32(middle, kEnds, chain);
    const __m512i left_edges = _mm512_sub_epi64(middle, _mm512_maskz_mov_epi32(0x5555, chain));
    const __m512i right_edges = _mm512_sub_epi64(_mm512_srli_epi64(chain, 32), middle);
    const __mmask8 left_part = _mm512_mask_cmpgt_epu64_mask(is_split, left_edges, one);
    const __mmask8 right_part = _mm512_mask_cmpgt_epu64_mask(is_split, right_edges, one);
    const __mmask8 left_more = _mm512_mask_cmpgt_epu64_mask(is_split, left_edges, nine);
    const __mmask8 right_more = _mm512_mask_cmpgt_epu64_mask(is_split, right_edges, nine);
    append(parts.few, left_part & ~left_more, left);
    append(parts.few, right_part & ~right_more, right);
    if ((left_more | right_more) != 0) {
      append(parts.more, left_more, left);
      append(parts.more, right_more, right);
    }
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(parts.points), _mm256_maskz_compress_epi32(is_split, at));
    parts.points += std::popcount(std::uint32_t{is_split});
  }
  given = parts;
}

}  // namespace

const ChainKernels& chain_kernels_avx512() {
  static constexpr ChainKernels kKernels{
      load,
      farthest_from,
      {judge_eight, judge_few<1>, judge_few<2>, judge_few<4>, judge_few<8>, judge_few<16>, judge_long},
      split};
  return kKernels;
}

}  // namespace framecast::kernels

#endif
