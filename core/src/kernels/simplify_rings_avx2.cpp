#if defined(__x86_64__)

#include <immintrin.h>

#include <algorithm>
#include <bit>

#include "kernels/simplify_rings.h"

#define FRAMECAST_AVX2 __attribute__((target("avx2")))

namespace framecast::kernels {
namespace {

constexpr std::uint32_t kLanes = 8;

/// All bits set in the first `count` lanes.
FRAMECAST_AVX2 __m256i first_lanes(std::size_t count) {
  const auto lanes = static_cast<int>(std::min<std::size_t>(count, kLanes));
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(lanes), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

FRAMECAST_AVX2 __m256 highest(__m256 values) {
  values = _mm256_max_ps(values, _mm256_permute2f128_ps(values, values, 1));
  values = _mm256_max_ps(values, _mm256_permute_ps(values, 0x4e));
  return _mm256_max_ps(values, _mm256_permute_ps(values, 0xb1));
}

FRAMECAST_AVX2 std::uint32_t bits(__m256 mask) { return static_cast<std::uint32_t>(_mm256_movemask_ps(mask)); }

FRAMECAST_AVX2 RingRange load(const Point* points, std::size_t count, float* x, float* y) {
  const __m256 zero = _mm256_setzero_ps();
  __m256 left = _mm256_set1_ps(points[0].x), right = left;
  __m256 top = _mm256_set1_ps(points[0].y), bottom = top;
  __m256 sum = zero;  // Of 0 times each number, which is NaN where one is not finite.
  __m256 fraction = zero;
  auto see = [&](__m256 xs, __m256 ys) FRAMECAST_AVX2 {
    left = _mm256_min_ps(left, xs);
    right = _mm256_max_ps(right, xs);
    top = _mm256_min_ps(top, ys);
    bottom = _mm256_max_ps(bottom, ys);
    sum = _mm256_add_ps(sum, _mm256_add_ps(_mm256_mul_ps(zero, xs), _mm256_mul_ps(zero, ys)));
    constexpr int kToZero = _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC;
    fraction = _mm256_or_ps(fraction, _mm256_cmp_ps(_mm256_round_ps(xs, kToZero), xs, _CMP_NEQ_UQ));
    fraction = _mm256_or_ps(fraction, _mm256_cmp_ps(_mm256_round_ps(ys, kToZero), ys, _CMP_NEQ_UQ));
  };
  const auto* pairs = reinterpret_cast<const float*>(points);
  std::size_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    const __m256 low = _mm256_loadu_ps(pairs + 2 * i), high = _mm256_loadu_ps(pairs + 2 * i + kLanes);
    const __m256d xs = _mm256_castps_pd(_mm256_shuffle_ps(low, high, 0x88));
    const __m256d ys = _mm256_castps_pd(_mm256_shuffle_ps(low, high, 0xdd));
    const __m256 in_order_x = _mm256_castpd_ps(_mm256_permute4x64_pd(xs, 0xd8));
    const __m256 in_order_y = _mm256_castpd_ps(_mm256_permute4x64_pd(ys, 0xd8));
    _mm256_storeu_ps(x + i, in_order_x);
    _mm256_storeu_ps(y + i, in_order_y);
    see(in_order_x, in_order_y);
  }
  for (; i < count; ++i) {
    x[i] = points[i].x;
    y[i] = points[i].y;
    see(_mm256_set1_ps(x[i]), _mm256_set1_ps(y[i]));
  }
  const __m256 minus = _mm256_set1_ps(-0.0f);
  const float width = _mm256_cvtss_f32(_mm256_add_ps(highest(right), highest(_mm256_xor_ps(left, minus))));
  const float height = _mm256_cvtss_f32(_mm256_add_ps(highest(bottom), highest(_mm256_xor_ps(top, minus))));
  const bool is_finite = bits(_mm256_cmp_ps(sum, sum, _CMP_UNORD_Q)) == 0;
  return {std::max(width, height), is_finite, bits(fraction) == 0};
}

/// The largest value of a pass, the largest but one per lane, and where each lane has its own.
struct Best {
  __m256 values, second;
  __m256i indices;

  FRAMECAST_AVX2 Best() : values(_mm256_set1_ps(-1)), second(values), indices(_mm256_setzero_si256()) {}

  FRAMECAST_AVX2 void see(__m256 candidates, __m256i index) {
    const __m256i farther = _mm256_castps_si256(_mm256_cmp_ps(candidates, values, _CMP_GT_OQ));
    second = _mm256_max_ps(second, _mm256_min_ps(values, candidates));
    values = _mm256_max_ps(values, candidates);
    indices = _mm256_blendv_epi8(indices, index, farther);
  }
  /// The lowest index of the largest value; kUnsure where others come up to `bound` and may be larger in truth.
  FRAMECAST_AVX2 std::uint32_t choose(__m256 bound, bool is_exact) const {
    const std::uint32_t close = bits(_mm256_cmp_ps(values, bound, _CMP_GE_OQ));
    const bool is_alone = (close & (close - 1)) == 0 && bits(_mm256_cmp_ps(second, bound, _CMP_GE_OQ)) == 0;
    if (!is_exact && !is_alone) return kUnsure;
    alignas(32) std::uint32_t lanes[kLanes];
    _mm256_store_si256(reinterpret_cast<__m256i*>(lanes), indices);
    std::uint32_t lowest = kUnsure;
    for (std::uint32_t rest = close; rest != 0; rest &= rest - 1) {
      lowest = std::min(lowest, lanes[std::countr_zero(rest)]);
    }
    return lowest;
  }
};

FRAMECAST_AVX2 __m256i indices_from(std::uint32_t first) {
  return _mm256_add_epi32(_mm256_set1_epi32(static_cast<int>(first)), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

FRAMECAST_AVX2 std::uint32_t farthest_from(const float* x, const float* y, std::uint32_t begin, std::uint32_t end,
                                           std::uint32_t origin, bool is_exact) {
  const __m256 ox = _mm256_set1_ps(x[origin]), oy = _mm256_set1_ps(y[origin]);
  const __m256i step = _mm256_set1_epi32(kLanes);
  __m256i index = indices_from(begin);
  Best best;
  for (std::uint32_t i = begin; i < end; i += kLanes) {
    const __m256i lanes = first_lanes(end - i);
    const __m256 px = _mm256_sub_ps(_mm256_maskload_ps(x + i, lanes), ox);
    const __m256 py = _mm256_sub_ps(_mm256_maskload_ps(y + i, lanes), oy);
    const __m256 squared = _mm256_add_ps(_mm256_mul_ps(px, px), _mm256_mul_ps(py, py));
    best.see(_mm256_blendv_ps(_mm256_set1_ps(-1), squared, _mm256_castsi256_ps(lanes)), index);
    index = _mm256_add_epi32(index, step);
  }
  const float largest = _mm256_cvtss_f32(highest(best.values));
  if (!(largest > 1e-30f)) return kUnsure;
  // Squares add up without cancelling: a few units in the last place are all that rounding can change.
  return best.choose(_mm256_set1_ps(is_exact ? largest : largest * (1 - 1e-6f)), is_exact);
}

/// The chord of a chain, in every lane, and what its points are measured against.
struct Chord {
  __m256 positive, tiny, ax, ay, dx, dy, squared_length, low, high, error;

  FRAMECAST_AVX2 Chord(const float* x, const float* y, const Chain& chain, const ChainLimits& limits)
      : positive(_mm256_castsi256_ps(_mm256_set1_epi32(0x7fffffff))),
        tiny(_mm256_set1_ps(1e-36f)),
        ax(_mm256_set1_ps(x[chain.begin()])),
        ay(_mm256_set1_ps(y[chain.begin()])),
        dx(_mm256_sub_ps(_mm256_set1_ps(x[chain.end()]), ax)),
        dy(_mm256_sub_ps(_mm256_set1_ps(y[chain.end()]), ay)),
        squared_length(_mm256_add_ps(_mm256_mul_ps(dx, dx), _mm256_mul_ps(dy, dy))),
        low(_mm256_mul_ps(_mm256_set1_ps(limits.low), squared_length)),
        high(_mm256_add_ps(_mm256_mul_ps(_mm256_set1_ps(limits.high), squared_length), tiny)),
        error(_mm256_add_ps(_mm256_mul_ps(_mm256_set1_ps(limits.error),
                                          _mm256_add_ps(_mm256_and_ps(dx, positive), _mm256_and_ps(dy, positive))),
                            _mm256_set1_ps(limits.tiny))) {}

  FRAMECAST_AVX2 __m256 across(__m256 px, __m256 py) const {
    return _mm256_and_ps(positive, _mm256_sub_ps(_mm256_mul_ps(px, dy), _mm256_mul_ps(py, dx)));
  }
  /// Lanes of points that are not certainly near.
  FRAMECAST_AVX2 __m256 maybe_far(__m256 across, __m256 px, __m256 py) const {
    const __m256 zero = _mm256_setzero_ps();
    const __m256 along = _mm256_add_ps(_mm256_mul_ps(px, dx), _mm256_mul_ps(py, dy));
    const __m256 beyond =
        _mm256_max_ps(_mm256_max_ps(_mm256_sub_ps(zero, along), _mm256_sub_ps(along, squared_length)), zero);
    const __m256 squared =
        _mm256_add_ps(_mm256_mul_ps(across, across), _mm256_add_ps(_mm256_mul_ps(beyond, beyond), tiny));
    return _mm256_cmp_ps(squared, low, _CMP_NLT_UQ);
  }
  FRAMECAST_AVX2 bool is_far(__m256 largest) const {
    return bits(_mm256_cmp_ps(_mm256_mul_ps(largest, largest), high, _CMP_GT_OQ)) != 0;
  }
};

/// Without a branch, for chains of up to 8 inner points per vector.
template <std::size_t kVectors>
FRAMECAST_AVX2 void judge_few(const float* x, const float* y, const ChainLimits* all_limits, const Chain* chains,
                              std::size_t count, std::uint32_t* verdicts) {
  for (std::size_t i = 0; i < count; ++i) {
    const Chain chain = chains[i];
    const ChainLimits& limits = all_limits[chain.block()];
    const Chord chord(x, y, chain, limits);
    const std::uint32_t inner = chain.inner();
    __m256 across[kVectors];
    __m256 largest = _mm256_setzero_ps();
    std::uint32_t maybe_far = 0;
    for (std::size_t v = 0; v < kVectors; ++v) {
      const std::size_t before = v * kLanes;
      const __m256i lanes = first_lanes(inner > before ? inner - before : 0);
      const std::size_t at = chain.begin() + 1 + before;
      const __m256 px = _mm256_sub_ps(_mm256_maskload_ps(x + at, lanes), chord.ax);
      const __m256 py = _mm256_sub_ps(_mm256_maskload_ps(y + at, lanes), chord.ay);
      const __m256 mask = _mm256_castsi256_ps(lanes);
      const __m256 values = chord.across(px, py);
      maybe_far |= bits(_mm256_and_ps(mask, chord.maybe_far(values, px, py)));
      across[v] = _mm256_blendv_ps(_mm256_set1_ps(-1), values, mask);
      largest = _mm256_max_ps(largest, across[v]);
    }
    largest = highest(largest);
    // Not below 0, so that the lanes past the end, which are -1, stay out.
    const __m256 bound = _mm256_max_ps(_mm256_sub_ps(largest, chord.error), _mm256_setzero_ps());
    std::uint32_t close = 0;
    for (std::size_t v = 0; v < kVectors; ++v) {
      close |= bits(_mm256_cmp_ps(across[v], bound, _CMP_GE_OQ)) << (v * kLanes);
    }
    const bool is_known = (((close & (close - 1)) == 0) | (limits.error == 0)) & chord.is_far(largest);
    const std::uint32_t split = chain.begin() + 1 + static_cast<std::uint32_t>(std::countr_zero(close));
    const std::uint32_t verdict = is_known ? split : kUnsure;
    verdicts[i] = maybe_far == 0 ? kLeaf : verdict;
  }
}

FRAMECAST_AVX2 std::uint32_t judge_one(const float* x, const float* y, const ChainLimits& limits, const Chain& chain) {
  const Chord chord(x, y, chain, limits);
  const std::uint32_t begin = chain.begin() + 1, end = chain.end();
  const __m256i step = _mm256_set1_epi32(kLanes);
  __m256i index = indices_from(begin);
  Best best;
  std::uint32_t i = begin;
  for (; i + kLanes <= end; i += kLanes) {
    best.see(
        chord.across(_mm256_sub_ps(_mm256_loadu_ps(x + i), chord.ax), _mm256_sub_ps(_mm256_loadu_ps(y + i), chord.ay)),
        index);
    index = _mm256_add_epi32(index, step);
  }
  if (i < end) {
    const __m256i lanes = first_lanes(end - i);
    const __m256 values = chord.across(_mm256_sub_ps(_mm256_maskload_ps(x + i, lanes), chord.ax),
                                       _mm256_sub_ps(_mm256_maskload_ps(y + i, lanes), chord.ay));
    best.see(_mm256_blendv_ps(_mm256_set1_ps(-1), values, _mm256_castsi256_ps(lanes)), index);
  }
  const __m256 largest = highest(best.values);
  if (chord.is_far(largest)) return best.choose(_mm256_sub_ps(largest, chord.error), limits.error == 0);
  std::uint32_t maybe_far = 0;
  for (i = begin; i < end; i += kLanes) {
    const __m256i lanes = first_lanes(end - i);
    const __m256 px = _mm256_sub_ps(_mm256_maskload_ps(x + i, lanes), chord.ax);
    const __m256 py = _mm256_sub_ps(_mm256_maskload_ps(y + i, lanes), chord.ay);
    maybe_far |= bits(_mm256_and_ps(_mm256_castsi256_ps(lanes), chord.maybe_far(chord.across(px, py), px, py)));
  }
  return maybe_far == 0 ? kLeaf : kUnsure;
}

FRAMECAST_AVX2 void judge_long(const float* x, const float* y, const ChainLimits* limits, const Chain* chains,
                               std::size_t count, std::uint32_t* verdicts) {
  for (std::size_t i = 0; i < count; ++i) verdicts[i] = judge_one(x, y, limits[chains[i].block()], chains[i]);
}

}  // namespace

const ChainKernels& chain_kernels_avx2() {
  static constexpr ChainKernels kKernels{
      load,
      farthest_from,
      {judge_few<1>, judge_few<2>, judge_few<4>, judge_long, judge_long, judge_long, judge_long},
      split_chains};
  return kKernels;
}

}  // namespace framecast::kernels

#endif
