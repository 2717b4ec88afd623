#if defined(__x86_64__)

#include <immintrin.h>

#include <algorithm>
#include <bit>

#include "kernels/simplify_rings.h"

#define FRAMECAST_AVX512 __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi")))

namespace framecast::kernels {
namespace {

constexpr std::uint32_t kLanes = 16;

__mmask16 first_lanes(std::size_t count) {
  return static_cast<__mmask16>(count < kLanes ? (1u << count) - 1 : 0xffffu);
}

FRAMECAST_AVX512 RingRange load(const Point* points, std::size_t count, float* x, float* y) {
  const __m512i evens = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
  const __m512i odds = _mm512_add_epi32(evens, _mm512_set1_epi32(1));
  __m512 left = _mm512_set1_ps(points[0].x), right = left;
  __m512 top = _mm512_set1_ps(points[0].y), bottom = top;
  const __m512 zero = _mm512_setzero_ps();
  __m512 sum = zero;  // Of 0 times each number, which is NaN where one is not finite.
  __mmask16 fraction = 0;
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
    sum = _mm512_add_ps(sum, _mm512_add_ps(_mm512_mul_ps(zero, xs), _mm512_mul_ps(zero, ys)));
    fraction |= _mm512_cmp_ps_mask(_mm512_roundscale_ps(xs, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC), xs, _CMP_NEQ_UQ);
    fraction |= _mm512_cmp_ps_mask(_mm512_roundscale_ps(ys, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC), ys, _CMP_NEQ_UQ);
  };
  std::size_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
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
  const bool is_finite = _mm512_cmp_ps_mask(sum, sum, _CMP_UNORD_Q) == 0;
  return {std::max(width, height), is_finite, fraction == 0};
}

FRAMECAST_AVX512 __mmask16 at_least(__mmask16 lanes, __m512 values, __m512 bound) {
  return _mm512_mask_cmp_ps_mask(lanes, values, bound, _CMP_GE_OQ);
}

FRAMECAST_AVX512 std::uint32_t farthest_from(const float* x, const float* y, std::uint32_t begin, std::uint32_t end,
                                             std::uint32_t origin, bool is_exact) {
  const __m512 ox = _mm512_set1_ps(x[origin]), oy = _mm512_set1_ps(y[origin]);
  __m512 best = _mm512_set1_ps(-1), second = best;
  __m512i index = _mm512_add_epi32(_mm512_set1_epi32(static_cast<int>(begin)),
                                   _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
  __m512i best_index = index;
  for (std::uint32_t i = begin; i < end; i += kLanes) {
    const __mmask16 lanes = first_lanes(end - i);
    const __m512 px = _mm512_sub_ps(_mm512_maskz_loadu_ps(lanes, x + i), ox);
    const __m512 py = _mm512_sub_ps(_mm512_maskz_loadu_ps(lanes, y + i), oy);
    const __m512 squared = _mm512_mask_add_ps(_mm512_set1_ps(-1), lanes, _mm512_mul_ps(px, px), _mm512_mul_ps(py, py));
    const __mmask16 farther = _mm512_cmp_ps_mask(squared, best, _CMP_GT_OQ);
    second = _mm512_max_ps(second, _mm512_min_ps(best, squared));
    best = _mm512_max_ps(best, squared);
    best_index = _mm512_mask_mov_epi32(best_index, farther, index);
    index = _mm512_add_epi32(index, _mm512_set1_epi32(kLanes));
  }
  const float largest = _mm512_reduce_max_ps(best);
  // Squares add up without cancelling: a few units in the last place are all that rounding can change.
  const __m512 bound = _mm512_set1_ps(is_exact ? largest : largest * (1 - 1e-6f));
  const __mmask16 close = at_least(0xffff, best, bound);
  const bool is_alone = (close & (close - 1)) == 0 && at_least(0xffff, second, bound) == 0;
  if (!(largest > 1e-30f) || (!is_exact && !is_alone)) return kUnsure;
  return _mm512_mask_reduce_min_epu32(close, best_index);
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

FRAMECAST_AVX512 __m512 highest(__m512 values) {
  values = _mm512_max_ps(values, _mm512_shuffle_f32x4(values, values, 0x4e));
  values = _mm512_max_ps(values, _mm512_shuffle_f32x4(values, values, 0xb1));
  values = _mm512_max_ps(values, _mm512_permute_ps(values, 0x4e));
  return _mm512_max_ps(values, _mm512_permute_ps(values, 0xb1));
}

/// Without a branch, for chains of up to 16 or 32 inner points.
template <std::size_t kVectors>
FRAMECAST_AVX512 void judge_few(const float* x, const float* y, const ChainLimits* all_limits, const Chain* chains,
                                std::size_t count, std::uint32_t* verdicts) {
  for (std::size_t i = 0; i < count; ++i) {
    const Chain chain = chains[i];
    const ChainLimits& limits = all_limits[chain.block()];
    const Chord chord(x, y, chain);
    const std::uint32_t all_lanes = ~std::uint32_t{0} >> (32 - chain.inner());
    __m512 across[kVectors];
    __mmask16 lanes[kVectors];
    __mmask16 maybe_far = 0;
    __m512 largest = _mm512_setzero_ps();
    for (std::size_t v = 0; v < kVectors; ++v) {
      lanes[v] = static_cast<__mmask16>(all_lanes >> (v * kLanes));
      const std::size_t at = chain.begin() + 1 + v * kLanes;
      const __m512 px = _mm512_sub_ps(_mm512_maskz_loadu_ps(lanes[v], x + at), chord.ax);
      const __m512 py = _mm512_sub_ps(_mm512_maskz_loadu_ps(lanes[v], y + at), chord.ay);
      across[v] = chord.across(px, py);
      maybe_far |= chord.maybe_far(lanes[v], across[v], chord.beyond(px, py), limits);
      largest = _mm512_mask_max_ps(largest, lanes[v], largest, across[v]);
    }
    largest = highest(largest);
    const __m512 bound = chord.close_to(largest, limits);
    std::uint32_t close = 0;
    for (std::size_t v = 0; v < kVectors; ++v) {
      close |= std::uint32_t{at_least(lanes[v], across[v], bound)} << (v * kLanes);
    }
    const bool is_known = (((close & (close - 1)) == 0) | (limits.error == 0)) & chord.is_far(largest, limits);
    const std::uint32_t split = chain.begin() + 1 + static_cast<std::uint32_t>(std::countr_zero(close));
    const std::uint32_t verdict = is_known ? split : kUnsure;
    verdicts[i] = maybe_far == 0 ? kLeaf : verdict;
  }
}

/// The same for up to 8 inner points, in half a vector.
FRAMECAST_AVX512 void judge_eight(const float* x, const float* y, const ChainLimits* all_limits, const Chain* chains,
                                  std::size_t count, std::uint32_t* verdicts) {
  const __m256 zero = _mm256_setzero_ps(), tiny = _mm256_set1_ps(1e-36f);
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
    const __m256 beyond =
        _mm256_max_ps(_mm256_max_ps(_mm256_sub_ps(zero, along), _mm256_sub_ps(along, squared_length)), zero);
    const __m256 squared =
        _mm256_add_ps(_mm256_mul_ps(across, across), _mm256_add_ps(_mm256_mul_ps(beyond, beyond), tiny));
    const __m256 low = _mm256_mul_ps(_mm256_set1_ps(limits.low), squared_length);
    const __m256 high = _mm256_add_ps(_mm256_mul_ps(_mm256_set1_ps(limits.high), squared_length), tiny);
    const __mmask8 maybe_far = _mm256_mask_cmp_ps_mask(lanes, squared, low, _CMP_NLT_UQ);
    __m256 largest = _mm256_max_ps(across, _mm256_permute2f128_ps(across, across, 1));
    largest = _mm256_max_ps(largest, _mm256_permute_ps(largest, 0x4e));
    largest = _mm256_max_ps(largest, _mm256_permute_ps(largest, 0xb1));
    const __m256 size = _mm256_add_ps(_mm256_and_ps(dx, positive), _mm256_and_ps(dy, positive));
    const __m256 error = _mm256_add_ps(_mm256_mul_ps(_mm256_set1_ps(limits.error), size), _mm256_set1_ps(limits.tiny));
    const std::uint32_t close = _mm256_mask_cmp_ps_mask(lanes, across, _mm256_sub_ps(largest, error), _CMP_GE_OQ);
    const bool is_far = _mm256_cmp_ps_mask(_mm256_mul_ps(largest, largest), high, _CMP_GT_OQ) != 0;
    const bool is_known = (((close & (close - 1)) == 0) | (limits.error == 0)) & is_far;
    const std::uint32_t split = chain.begin() + 1 + static_cast<std::uint32_t>(std::countr_zero(close));
    const std::uint32_t verdict = is_known ? split : kUnsure;
    verdicts[i] = maybe_far == 0 ? kLeaf : verdict;
  }
}

FRAMECAST_AVX512 std::uint32_t judge_one(const float* x, const float* y, const ChainLimits& limits,
                                         const Chain& chain) {
  const Chord chord(x, y, chain);
  __m512 best = _mm512_set1_ps(-1), second = best;
  __m512i index = _mm512_add_epi32(_mm512_set1_epi32(static_cast<int>(chain.begin() + 1)),
                                   _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
  __m512i best_index = index;
  auto step = [&](__m512 xs, __m512 ys, __mmask16 lanes) FRAMECAST_AVX512 {
    const __m512 across = _mm512_mask_mov_ps(_mm512_set1_ps(-1), lanes,
                                             chord.across(_mm512_sub_ps(xs, chord.ax), _mm512_sub_ps(ys, chord.ay)));
    const __mmask16 farther = _mm512_cmp_ps_mask(across, best, _CMP_GT_OQ);
    second = _mm512_max_ps(second, _mm512_min_ps(best, across));
    best = _mm512_max_ps(best, across);
    best_index = _mm512_mask_mov_epi32(best_index, farther, index);
    index = _mm512_add_epi32(index, _mm512_set1_epi32(kLanes));
  };
  std::uint32_t i = chain.begin() + 1;
  for (; i + kLanes <= chain.end(); i += kLanes) step(_mm512_loadu_ps(x + i), _mm512_loadu_ps(y + i), 0xffff);
  if (i < chain.end()) {
    const __mmask16 lanes = first_lanes(chain.end() - i);
    step(_mm512_maskz_loadu_ps(lanes, x + i), _mm512_maskz_loadu_ps(lanes, y + i), lanes);
  }
  const __m512 largest = highest(best);
  if (chord.is_far(largest, limits)) {
    const __m512 bound = chord.close_to(largest, limits);
    const __mmask16 close = at_least(0xffff, best, bound);
    if (limits.error != 0 && ((close & (close - 1)) != 0 || at_least(0xffff, second, bound) != 0)) return kUnsure;
    return _mm512_mask_reduce_min_epu32(close, best_index);
  }
  __mmask16 maybe_far = 0;
  for (i = chain.begin() + 1; i < chain.end(); i += kLanes) {
    const __mmask16 lanes = first_lanes(chain.end() - i);
    const __m512 px = _mm512_sub_ps(_mm512_maskz_loadu_ps(lanes, x + i), chord.ax);
    const __m512 py = _mm512_sub_ps(_mm512_maskz_loadu_ps(lanes, y + i), chord.ay);
    maybe_far |= chord.maybe_far(lanes, chord.across(px, py), chord.beyond(px, py), limits);
  }
  return maybe_far == 0 ? kLeaf : kUnsure;
}

FRAMECAST_AVX512 void judge_long(const float* x, const float* y, const ChainLimits* limits, const Chain* chains,
                                 std::size_t count, std::uint32_t* verdicts) {
  for (std::size_t i = 0; i < count; ++i) verdicts[i] = judge_one(x, y, limits[chains[i].block()], chains[i]);
}

}  // namespace

const ChainKernels& chain_kernels_avx512() {
  static constexpr ChainKernels kKernels{load, farthest_from, {judge_eight, judge_few<1>, judge_few<2>, judge_long}};
  return kKernels;
}

}  // namespace framecast::kernels

#endif
