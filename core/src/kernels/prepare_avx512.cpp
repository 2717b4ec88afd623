#if defined(__x86_64__)

#include <immintrin.h>

#include "kernels/prepare.h"

#define FRAMECAST_AVX512 __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi")))

namespace framecast::kernels {
namespace {

constexpr std::size_t kBlock = kPreparedRowWidth;
constexpr std::size_t kWindow = kPreparedRowReach;

/// The bytes of an image row that a block of columns needs, and zeros behind the row's end, whose weight is 0.
struct Window {
  __m512i first;
  __m512i second;
};

FRAMECAST_AVX512 inline Window load(const std::uint8_t* row, std::size_t begin, std::size_t row_bytes) {
  const std::size_t left = row_bytes - begin;
  if (left >= kWindow) return {_mm512_loadu_si512(row + begin), _mm512_loadu_si512(row + begin + 64)};
  auto mask = [](std::size_t bytes) { return bytes >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << bytes) - 1; };
  const __m512i first = _mm512_maskz_loadu_epi8(mask(left), row + begin);
  if (left <= 64) return {first, _mm512_setzero_si512()};
  return {first, _mm512_maskz_loadu_epi8(mask(left - 64), row + begin + 64)};
}

/// Bytes at the given offsets, a 32-bit lane each.
FRAMECAST_AVX512 inline __m512 pick(const Window& window, __m512i offsets) {
  constexpr __mmask64 kLowBytes = 0x1111111111111111u;
  return _mm512_cvtepi32_ps(_mm512_maskz_permutex2var_epi8(kLowBytes, window.first, offsets, window.second));
}

/// What a block needs of a row, in registers: stores into the output could otherwise change it.
struct Constants {
  __m512 upper_weight;
  __m512 lower_weight;
  __m512 gain[3];
  __m512 bias[3];
};

template <bool one_row, bool round_to_uint8>
FRAMECAST_AVX512 inline void block(const PreparedRow& row, const Constants& constants, std::size_t x) {
  const std::size_t begin = row.offsets[x];
  const __m512i offsets =
      _mm512_sub_epi32(_mm512_loadu_si512(row.offsets + x), _mm512_set1_epi32(static_cast<int>(begin)));
  const __m512 right_weight = _mm512_loadu_ps(row.weights + x);
  const __m512 left_weight = _mm512_sub_ps(_mm512_set1_ps(1), right_weight);
  const Window upper = load(row.upper, begin, row.row_bytes);
  Window lower = upper;
  if constexpr (!one_row) lower = load(row.lower, begin, row.row_bytes);
  __m512 values[3];
  for (int c = 0; c < 3; ++c) {
    const __m512i left = _mm512_add_epi32(offsets, _mm512_set1_epi32(c));
    const __m512i right = _mm512_add_epi32(offsets, _mm512_set1_epi32(c + 3));
    __m512 value =
        _mm512_add_ps(_mm512_mul_ps(left_weight, pick(upper, left)), _mm512_mul_ps(right_weight, pick(upper, right)));
    if constexpr (!one_row) {
      const __m512 below =
          _mm512_add_ps(_mm512_mul_ps(left_weight, pick(lower, left)), _mm512_mul_ps(right_weight, pick(lower, right)));
      value = _mm512_add_ps(_mm512_mul_ps(constants.upper_weight, value), _mm512_mul_ps(constants.lower_weight, below));
    }
    if constexpr (round_to_uint8) {
      value = _mm512_cvtepi32_ps(_mm512_cvttps_epi32(_mm512_add_ps(value, _mm512_set1_ps(0.5f))));
    }
    values[c] = _mm512_add_ps(_mm512_mul_ps(value, constants.gain[c]), constants.bias[c]);
  }
  for (int c = 0; c < 3; ++c) _mm512_storeu_ps(row.out[c] + x, values[c]);
}

template <bool one_row, bool round_to_uint8>
FRAMECAST_AVX512 inline void prepare_row(const PreparedRow& given) {
  const PreparedRow row = given;
  Constants constants{_mm512_set1_ps(1 - row.weight), _mm512_set1_ps(row.weight), {}, {}};
  for (int c = 0; c < 3; ++c) {
    constants.gain[c] = _mm512_set1_ps(row.gain[c]);
    constants.bias[c] = _mm512_set1_ps(row.bias[c]);
  }
  std::size_t x = 0;
  for (; x + kBlock <= row.width; x += kBlock) block<one_row, round_to_uint8>(row, constants, x);
  // The last block overlaps the one before it and writes the same values there.
  if (x < row.width) block<one_row, round_to_uint8>(row, constants, row.width - kBlock);
}

}  // namespace

FRAMECAST_AVX512 void prepare_row_avx512(const PreparedRow& row) {
  // A lower row of weight 0 adds +0 to values of at least 0, which changes no bit.
  if (row.weight == 0) {
    row.round_to_uint8 ? prepare_row<true, true>(row) : prepare_row<true, false>(row);
  } else {
    row.round_to_uint8 ? prepare_row<false, true>(row) : prepare_row<false, false>(row);
  }
}

}  // namespace framecast::kernels

#endif
