#if defined(__x86_64__)

#include <immintrin.h>

#include <cstring>

#include "kernels/prepare.h"

#define FRAMECAST_AVX2 __attribute__((target("avx2")))

namespace framecast::kernels {
namespace {

constexpr std::size_t kBlock = 8;

/// The six bytes of a left and a right pixel in the low part of a word. Past the row's end lie zeros, whose weight is
/// 0.
struct PixelPairs {
  const std::uint8_t* row;
  std::size_t last;  ///< The highest offset from which 8 bytes may be read.

  std::uint64_t operator()(std::size_t offset) const {
    std::uint64_t word;
    if (offset <= last) {
      std::memcpy(&word, row + offset, 8);
      return word;
    }
    std::memcpy(&word, row + last, 8);
    return word >> (8 * (offset - last));
  }
};

/// The shuffle that takes these bytes of each half, widened to a 32-bit lane each: indices below 0 give zero.
FRAMECAST_AVX2 inline __m256i one_byte_of_each_lane(int b0, int b1, int b2, int b3) {
  return _mm256_setr_epi8(static_cast<char>(b0), -1, -1, -1, static_cast<char>(b1), -1, -1, -1, static_cast<char>(b2),
                          -1, -1, -1, static_cast<char>(b3), -1, -1, -1, static_cast<char>(b0), -1, -1, -1,
                          static_cast<char>(b1), -1, -1, -1, static_cast<char>(b2), -1, -1, -1, static_cast<char>(b3),
                          -1, -1, -1);
}

/// Pixel pairs of columns x .. x + 7 of one row: the low and the high half of each word, a lane per pixel.
struct Words {
  __m256i low;   ///< l0 l1 l2 r0
  __m256i high;  ///< r1 r2 - -
};

template <bool near_end>
FRAMECAST_AVX2 inline Words load(const PixelPairs& pairs, const std::uint32_t* offsets) {
  auto pixel = [&](std::size_t x) FRAMECAST_AVX2 {
    if constexpr (near_end) {
      return _mm_cvtsi64_si128(static_cast<long long>(pairs(offsets[x])));
    } else {
      return _mm_loadl_epi64(reinterpret_cast<const __m128i*>(pairs.row + offsets[x]));
    }
  };
  auto four = [&](std::size_t a, std::size_t b, std::size_t c, std::size_t d) FRAMECAST_AVX2 {
    return _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_unpacklo_epi64(pixel(a), pixel(b))),
                                   _mm_unpacklo_epi64(pixel(c), pixel(d)), 1);
  };
  // In this order the shuffles, which stay within halves, leave the pixels in theirs.
  const __m256 a = _mm256_castsi256_ps(four(0, 1, 4, 5));
  const __m256 b = _mm256_castsi256_ps(four(2, 3, 6, 7));
  return {_mm256_castps_si256(_mm256_shuffle_ps(a, b, 0x88)), _mm256_castps_si256(_mm256_shuffle_ps(a, b, 0xdd))};
}

template <int channel>
FRAMECAST_AVX2 inline __m256 resize(const Words& words, __m256 left_weight, __m256 right_weight) {
  const __m256i byte0 = one_byte_of_each_lane(0, 4, 8, 12);
  const __m256i byte1 = one_byte_of_each_lane(1, 5, 9, 13);
  const __m256i byte2 = one_byte_of_each_lane(2, 6, 10, 14);
  const __m256i left = _mm256_shuffle_epi8(words.low, channel == 0 ? byte0 : channel == 1 ? byte1 : byte2);
  __m256i right;
  if constexpr (channel == 0) {
    right = _mm256_srli_epi32(words.low, 24);
  } else {
    right = _mm256_shuffle_epi8(words.high, channel == 1 ? byte0 : byte1);
  }
  return _mm256_add_ps(_mm256_mul_ps(left_weight, _mm256_cvtepi32_ps(left)),
                       _mm256_mul_ps(right_weight, _mm256_cvtepi32_ps(right)));
}

/// What a block needs of a row, in registers: stores into the output could otherwise change it.
struct Constants {
  __m256 upper_weight;
  __m256 lower_weight;
  __m256 gain[3];
  __m256 bias[3];
};

template <int channel, bool one_row, bool round_to_uint8>
FRAMECAST_AVX2 inline __m256 finish(const Constants& constants, const Words& upper, const Words& lower,
                                    __m256 left_weight, __m256 right_weight) {
  __m256 value = resize<channel>(upper, left_weight, right_weight);
  if constexpr (!one_row) {
    const __m256 below = resize<channel>(lower, left_weight, right_weight);
    value = _mm256_add_ps(_mm256_mul_ps(constants.upper_weight, value), _mm256_mul_ps(constants.lower_weight, below));
  }
  if constexpr (round_to_uint8) {
    value = _mm256_cvtepi32_ps(_mm256_cvttps_epi32(_mm256_add_ps(value, _mm256_set1_ps(0.5f))));
  }
  return _mm256_add_ps(_mm256_mul_ps(value, constants.gain[channel]), constants.bias[channel]);
}

template <bool one_row, bool round_to_uint8, bool near_end>
FRAMECAST_AVX2 inline void block(const PreparedRow& row, const Constants& constants, std::size_t x) {
  const std::size_t last = row.row_bytes - 8;
  const __m256 right = _mm256_loadu_ps(row.weights + x);
  const __m256 left = _mm256_sub_ps(_mm256_set1_ps(1), right);
  const Words upper = load<near_end>({row.upper, last}, row.offsets + x);
  Words lower = upper;
  if constexpr (!one_row) lower = load<near_end>({row.lower, last}, row.offsets + x);
  const __m256 value0 = finish<0, one_row, round_to_uint8>(constants, upper, lower, left, right);
  const __m256 value1 = finish<1, one_row, round_to_uint8>(constants, upper, lower, left, right);
  const __m256 value2 = finish<2, one_row, round_to_uint8>(constants, upper, lower, left, right);
  _mm256_storeu_ps(row.out[0] + x, value0);
  _mm256_storeu_ps(row.out[1] + x, value1);
  _mm256_storeu_ps(row.out[2] + x, value2);
}

template <bool one_row, bool round_to_uint8>
FRAMECAST_AVX2 inline void prepare_row(const PreparedRow& given) {
  const PreparedRow row = given;
  Constants constants{_mm256_set1_ps(1 - row.weight), _mm256_set1_ps(row.weight), {}, {}};
  for (int c = 0; c < 3; ++c) {
    constants.gain[c] = _mm256_set1_ps(row.gain[c]);
    constants.bias[c] = _mm256_set1_ps(row.bias[c]);
  }
  std::size_t inside = row.width;
  while (inside > 0 && row.offsets[inside - 1] + std::size_t{8} > row.row_bytes) --inside;
  std::size_t x = 0;
  for (; x + kBlock <= inside; x += kBlock) block<one_row, round_to_uint8, false>(row, constants, x);
  for (; x + kBlock <= row.width; x += kBlock) block<one_row, round_to_uint8, true>(row, constants, x);
  // The last block overlaps the one before it and writes the same values there.
  if (x < row.width) block<one_row, round_to_uint8, true>(row, constants, row.width - kBlock);
}

}  // namespace

FRAMECAST_AVX2 void prepare_row_avx2(const PreparedRow& row) {
  // A lower row of weight 0 adds +0 to values of at least 0, which changes no bit.
  if (row.weight == 0) {
    row.round_to_uint8 ? prepare_row<true, true>(row) : prepare_row<true, false>(row);
  } else {
    row.round_to_uint8 ? prepare_row<false, true>(row) : prepare_row<false, false>(row);
  }
}

}  // namespace framecast::kernels

#endif
