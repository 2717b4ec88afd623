#if defined(__x86_64__)

#include <immintrin.h>

#include <cstring>

#include "kernels/prepare.h"

#define FRAMECAST_TARGET __attribute__((target("avx2,f16c")))
#define FRAMECAST_INLINE __attribute__((target("avx2,f16c"), always_inline)) inline

namespace framecast::kernels {
namespace {

using Floats = __m256;
constexpr std::size_t kLanes = 8;

FRAMECAST_INLINE Floats broadcast(float value) { return _mm256_set1_ps(value); }
FRAMECAST_INLINE Floats add(Floats a, Floats b) { return _mm256_add_ps(a, b); }
FRAMECAST_INLINE Floats sub(Floats a, Floats b) { return _mm256_sub_ps(a, b); }
FRAMECAST_INLINE Floats mul(Floats a, Floats b) { return _mm256_mul_ps(a, b); }
FRAMECAST_INLINE Floats min(Floats a, Floats b) { return _mm256_min_ps(a, b); }
FRAMECAST_INLINE Floats max(Floats a, Floats b) { return _mm256_max_ps(a, b); }
FRAMECAST_INLINE Floats truncate(Floats value) { return _mm256_cvtepi32_ps(_mm256_cvttps_epi32(value)); }
FRAMECAST_INLINE Floats load(const float* values) { return _mm256_loadu_ps(values); }

FRAMECAST_INLINE void store(float* out, Floats values) { _mm256_storeu_ps(out, values); }
FRAMECAST_INLINE void store(Half* out, Floats values) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(out), _mm256_cvtps_ph(values, _MM_FROUND_TO_NEAREST_INT));
}
FRAMECAST_INLINE void store(std::uint8_t* out, Floats values) {
  const Floats inside = min(broadcast(255), max(broadcast(0), add(values, broadcast(0.5f))));
  const __m256i whole = _mm256_cvttps_epi32(inside);
  const __m128i words = _mm_packus_epi32(_mm256_castsi256_si128(whole), _mm256_extracti128_si256(whole, 1));
  _mm_storel_epi64(reinterpret_cast<__m128i*>(out), _mm_packus_epi16(words, words));
}

struct Line {
  __m256i low;
  __m256i high;
};
FRAMECAST_INLINE Line load_line(const std::uint8_t* bytes) {
  return {_mm256_loadu_si256(reinterpret_cast<const __m256i*>(bytes)),
          _mm256_loadu_si256(reinterpret_cast<const __m256i*>(bytes + 32))};
}
FRAMECAST_INLINE void store_line(std::uint8_t* out, const Line& line) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), line.low);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + 32), line.high);
}

/// Which lanes of the channels make the interleaved values, and whose they are.
struct Interleaving {
  std::int32_t lane[3][kLanes];
  std::int32_t is_second[3][kLanes];
  std::int32_t is_third[3][kLanes];
};

constexpr Interleaving interleaving() {
  Interleaving order{};
  for (int i = 0; i < 3 * static_cast<int>(kLanes); ++i) {
    const int lanes = static_cast<int>(kLanes);
    order.lane[i / lanes][i % lanes] = i / 3;
    order.is_second[i / lanes][i % lanes] = i % 3 == 1 ? -1 : 0;
    order.is_third[i / lanes][i % lanes] = i % 3 == 2 ? -1 : 0;
  }
  return order;
}

constexpr Interleaving kInterleaving = interleaving();

FRAMECAST_INLINE __m256i lanes_of(const std::int32_t* values) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(values));
}

template <class Element>
FRAMECAST_INLINE void interleave(Floats a, Floats b, Floats c, Element* out) {
  for (std::size_t i = 0; i < 3; ++i) {
    const __m256i lane = lanes_of(kInterleaving.lane[i]);
    const Floats second = _mm256_castsi256_ps(lanes_of(kInterleaving.is_second[i]));
    const Floats third = _mm256_castsi256_ps(lanes_of(kInterleaving.is_third[i]));
    Floats values = _mm256_permutevar8x32_ps(a, lane);
    values = _mm256_blendv_ps(values, _mm256_permutevar8x32_ps(b, lane), second);
    store(out + i * kLanes, _mm256_blendv_ps(values, _mm256_permutevar8x32_ps(c, lane), third));
  }
}

/// 8 columns of two rows of a plane, 8 bytes of each or 16 of two.
///
/// Half h of words[q] holds columns 4 h + 2 q and the next one. The table's index has a shuffle for each q, which puts
/// left, 0, right, 0 into the column's lane of 32 bits and zeros into the others.
template <bool in_pairs, bool coarse>
class Columns {
 public:
  FRAMECAST_INLINE explicit Columns(const PlaneRows& plane)
      : plane_(plane),
        upper_weight_(broadcast((1 - plane.weight) * kUnit)),
        lower_weight_(broadcast(plane.weight * kUnit)),
        both_weights_(_mm256_set1_epi16(coarse_weights(plane.weight))) {}

  FRAMECAST_INLINE void load(std::size_t block) {
    const ColumnTable& columns = *plane_.columns;
    const std::uint32_t* loads = columns.loads.data() + block * (in_pairs ? kLanes / 2 : kLanes);
    load_words(plane_.upper, loads, upper_);
    load_words(plane_.lower, loads, lower_);
    const auto* index = reinterpret_cast<const __m256i*>(columns.index.data() + block * 8 * kLanes);
    index_[0] = _mm256_loadu_si256(index);
    index_[1] = _mm256_loadu_si256(index + 1);
    high_ = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(columns.high.data() + block * kLanes));
    if constexpr (!coarse) {
      low_ = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(columns.low.data() + block * kLanes));
    }
  }

  FRAMECAST_INLINE Floats value(int channel) const {
    const __m256i step = _mm256_set1_epi8(static_cast<char>(channel));
    const __m256i index[2] = {_mm256_add_epi8(index_[0], step), _mm256_add_epi8(index_[1], step)};
    const __m256i upper = pairs(upper_, index);
    const __m256i lower = pairs(lower_, index);
    if constexpr (coarse) {
      // Weights of 6 and 10 bits: integers below 2^24 times a power of 2, which are as exact in float32.
      const __m256i both = _mm256_or_si256(upper, _mm256_slli_epi16(lower, 8));
      const __m256i down = _mm256_maddubs_epi16(both, both_weights_);
      return mul(_mm256_cvtepi32_ps(_mm256_madd_epi16(down, high_)), broadcast(0x1p-20f));
    } else {
      return add(mul(across(upper), upper_weight_), mul(across(lower), lower_weight_));
    }
  }

 private:
  static constexpr float kUnit = 1.0f / static_cast<float>(kWeightOne);

  FRAMECAST_INLINE static void load_words(const std::uint8_t* row, const std::uint32_t* loads, __m256i* words) {
    for (std::size_t q = 0; q < 2; ++q) {
      words[q] =
          _mm256_inserti128_si256(_mm256_castsi128_si256(load_pair(row, loads, q)), load_pair(row, loads, q + 2), 1);
    }
  }

  /// Columns 2 * pair and the next one.
  FRAMECAST_INLINE static __m128i load_pair(const std::uint8_t* row, const std::uint32_t* loads, std::size_t pair) {
    if constexpr (in_pairs) return _mm_loadu_si128(reinterpret_cast<const __m128i*>(row + loads[pair]));
    const __m128i first = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(row + loads[2 * pair]));
    const __m128i second = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(row + loads[2 * pair + 1]));
    return _mm_unpacklo_epi64(first, second);
  }

  FRAMECAST_INLINE static __m256i pairs(const __m256i* words, const __m256i* index) {
    return _mm256_or_si256(_mm256_shuffle_epi8(words[0], index[0]), _mm256_shuffle_epi8(words[1], index[1]));
  }

  FRAMECAST_INLINE Floats across(__m256i pairs) const {
    const __m256i high = _mm256_slli_epi32(_mm256_madd_epi16(pairs, high_), 9);
    return _mm256_cvtepi32_ps(_mm256_add_epi32(high, _mm256_madd_epi16(pairs, low_)));
  }

  const PlaneRows plane_;
  const Floats upper_weight_;
  const Floats lower_weight_;
  const __m256i both_weights_;
  __m256i upper_[2];
  __m256i lower_[2];
  __m256i index_[2];
  __m256i high_;
  __m256i low_;
};

#include "kernels/prepare_row.h"

template <bool in_pairs>
void prepare_row_of(const PreparedRow& row) {
  if (are_coarse(row)) return prepare_row_with<Columns<in_pairs, true>>(row);
  prepare_row_with<Columns<in_pairs, false>>(row);
}

void prepare_row(const PreparedRow& row) {
  if (row.planes[0].columns->rule.gather == Gather::pixels) return kPrepareScalar.prepare_row(row);
  if (row.planes[0].columns->rule.gather == Gather::pairs) return prepare_row_of<true>(row);
  prepare_row_of<false>(row);
}

}  // namespace

const PrepareKernels kPrepareAvx2{prepare_row,       store_halves,     store_bytes, interleave_floats,
                                  interleave_halves, interleave_bytes, fill};

}  // namespace framecast::kernels

#endif
