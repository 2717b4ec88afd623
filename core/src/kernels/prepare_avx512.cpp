#if defined(__x86_64__)

#include <immintrin.h>

#include <cstring>

#include "kernels/prepare.h"

#define FRAMECAST_TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi")))
#define FRAMECAST_INLINE __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi"), always_inline)) inline

namespace framecast::kernels {
namespace {

using Floats = __m512;
constexpr std::size_t kLanes = 16;

FRAMECAST_INLINE Floats broadcast(float value) { return _mm512_set1_ps(value); }
FRAMECAST_INLINE Floats add(Floats a, Floats b) { return _mm512_add_ps(a, b); }
FRAMECAST_INLINE Floats sub(Floats a, Floats b) { return _mm512_sub_ps(a, b); }
FRAMECAST_INLINE Floats mul(Floats a, Floats b) { return _mm512_mul_ps(a, b); }
FRAMECAST_INLINE Floats min(Floats a, Floats b) { return _mm512_min_ps(a, b); }
FRAMECAST_INLINE Floats max(Floats a, Floats b) { return _mm512_max_ps(a, b); }
FRAMECAST_INLINE Floats truncate(Floats value) { return _mm512_cvtepi32_ps(_mm512_cvttps_epi32(value)); }
FRAMECAST_INLINE Floats load(const float* values) { return _mm512_loadu_ps(values); }

FRAMECAST_INLINE void store(float* out, Floats values) { _mm512_storeu_ps(out, values); }
FRAMECAST_INLINE void store(Half* out, Floats values) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), _mm512_cvtps_ph(values, _MM_FROUND_TO_NEAREST_INT));
}
FRAMECAST_INLINE void store(std::uint8_t* out, Floats values) {
  const Floats inside = min(broadcast(255), max(broadcast(0), add(values, broadcast(0.5f))));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(out), _mm512_cvtusepi32_epi8(_mm512_cvttps_epi32(inside)));
}

using Line = __m512i;
FRAMECAST_INLINE Line load_line(const std::uint8_t* bytes) { return _mm512_loadu_si512(bytes); }
FRAMECAST_INLINE void store_line(std::uint8_t* out, Line line) { _mm512_storeu_si512(out, line); }

/// Which lanes of the channels make the interleaved values: first of channels 0 and 1, then of these and channel 2.
struct Interleaving {
  std::int32_t pair[3][kLanes];
  std::int32_t third[3][kLanes];
};

constexpr Interleaving interleaving() {
  Interleaving order{};
  for (int i = 0; i < 3 * static_cast<int>(kLanes); ++i) {
    const int pixel = i / 3, channel = i % 3, lanes = static_cast<int>(kLanes);
    order.pair[i / lanes][i % lanes] = channel == 2 ? 0 : channel * lanes + pixel;
    order.third[i / lanes][i % lanes] = channel == 2 ? lanes + pixel : i % lanes;
  }
  return order;
}

constexpr Interleaving kInterleaving = interleaving();

template <class Element>
FRAMECAST_INLINE void interleave(Floats a, Floats b, Floats c, Element* out) {
  for (std::size_t i = 0; i < 3; ++i) {
    const Floats pair = _mm512_permutex2var_ps(a, _mm512_loadu_si512(kInterleaving.pair[i]), b);
    store(out + i * kLanes, _mm512_permutex2var_ps(pair, _mm512_loadu_si512(kInterleaving.third[i]), c));
  }
}

/// 16 columns of two rows of a plane, of which 16 / windows share 64 * lines bytes of a row.
///
/// The table's index holds bytes left, left, right, right per column. A permutation that leaves out some of them keeps
/// the index there, so that one after the other they collect: left of the upper row, left of the lower, right, right.
template <std::size_t windows, std::size_t lines, bool coarse>
class Columns {
 public:
  FRAMECAST_INLINE explicit Columns(const PlaneRows& plane)
      : plane_(plane),
        upper_weight_(broadcast((1 - plane.weight) * kUnit)),
        lower_weight_(broadcast(plane.weight * kUnit)),
        both_weights_(_mm512_set1_epi16(coarse_weights(plane.weight))) {}

  FRAMECAST_INLINE void load(std::size_t block) {
    const ColumnTable& columns = *plane_.columns;
    for (std::size_t w = 0; w < windows; ++w) {
      const std::size_t begin = columns.loads[block * windows + w];
      for (std::size_t i = 0; i < lines; ++i) {
        upper_[w][i] = _mm512_loadu_si512(plane_.upper + begin + kLineBytes * i);
        lower_[w][i] = _mm512_loadu_si512(plane_.lower + begin + kLineBytes * i);
      }
    }
    index_ = _mm512_loadu_si512(columns.index.data() + block * 4 * kLanes);
    high_ = _mm512_loadu_si512(columns.high.data() + block * kLanes);
    if constexpr (!coarse) low_ = _mm512_loadu_si512(columns.low.data() + block * kLanes);
  }

  FRAMECAST_INLINE Floats value(int channel) const {
    const __m512i index = _mm512_add_epi8(index_, _mm512_set1_epi8(static_cast<char>(channel)));
    if constexpr (coarse) {
      // Weights of 6 and 10 bits: integers below 2^24 times a power of 2, which are as exact in float32.
      const __m512i down = _mm512_maddubs_epi16(collect(index), both_weights_);
      return mul(_mm512_cvtepi32_ps(_mm512_madd_epi16(down, high_)), broadcast(0x1p-20f));
    } else if constexpr (windows == 1) {
      const __m512i even = _mm512_maskz_mov_epi8(kEven, index);
      const __m512i upper = pick(upper_[0], even, kEven);
      const __m512i lower = pick(lower_[0], even, kEven);
      return add(mul(across(upper), upper_weight_), mul(across(lower), lower_weight_));
    } else {
      const __m512i both = collect(index);
      const __m512i upper = _mm512_and_si512(both, _mm512_set1_epi16(0xff));
      const __m512i lower = _mm512_srli_epi16(both, 8);
      return add(mul(across(upper), upper_weight_), mul(across(lower), lower_weight_));
    }
  }

 private:
  static constexpr __mmask64 kEven = 0x5555555555555555u;
  static constexpr float kUnit = 1.0f / static_cast<float>(kWeightOne);

  /// Replaces the bytes of the mask, which are indices, by what lies there in a window.
  FRAMECAST_INLINE static __m512i pick(const __m512i* window, __m512i bytes, __mmask64 mask) {
    if constexpr (lines == 1) return _mm512_mask_permutexvar_epi8(bytes, mask, bytes, window[0]);
    return _mm512_mask2_permutex2var_epi8(window[0], bytes, mask, window[lines - 1]);
  }

  FRAMECAST_INLINE __m512i collect(__m512i bytes) const {
    for (std::size_t w = 0; w < windows; ++w) {
      const __mmask64 here = (~__mmask64{0} >> (64 - 64 / windows)) << (w * 64 / windows);
      bytes = pick(upper_[w], bytes, here & kEven);
      bytes = pick(lower_[w], bytes, here & ~kEven);
    }
    return bytes;
  }

  FRAMECAST_INLINE Floats across(__m512i pairs) const {
    const __m512i high = _mm512_slli_epi32(_mm512_madd_epi16(pairs, high_), 9);
    return _mm512_cvtepi32_ps(_mm512_add_epi32(high, _mm512_madd_epi16(pairs, low_)));
  }

  const PlaneRows plane_;
  const Floats upper_weight_;
  const Floats lower_weight_;
  const __m512i both_weights_;
  __m512i upper_[windows][lines];
  __m512i lower_[windows][lines];
  __m512i index_;
  __m512i high_;
  __m512i low_;
};

#include "kernels/prepare_row.h"

template <std::size_t windows, std::size_t lines>
void prepare_row_of(const PreparedRow& row) {
  if (are_coarse(row)) return prepare_row_with<Columns<windows, lines, true>>(row);
  prepare_row_with<Columns<windows, lines, false>>(row);
}

void prepare_row(const PreparedRow& row) {
  switch (row.planes[0].columns->rule.gather) {
    case Gather::pixels:
      return kPrepareScalar.prepare_row(row);
    case Gather::words:
    case Gather::pairs:
      return kPrepareAvx2.prepare_row(row);
    case Gather::line:
      return prepare_row_of<1, 1>(row);
    case Gather::window:
      return prepare_row_of<1, 2>(row);
    case Gather::two_windows:
      return prepare_row_of<2, 2>(row);
    case Gather::four_windows:
      return prepare_row_of<4, 2>(row);
  }
}

}  // namespace

const PrepareKernels kPrepareAvx512{prepare_row,       store_halves,     store_bytes, interleave_floats,
                                    interleave_halves, interleave_bytes, fill};

}  // namespace framecast::kernels

#endif
