#if defined(__x86_64__)

#include <immintrin.h>

#include <limits>

#include "kernels/upsample_mask.h"

#define FRAMECAST_TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi")))

namespace framecast::kernels {
namespace {

constexpr float kLargest = std::numeric_limits<float>::max();
constexpr std::size_t kValueBlock = 16;
constexpr std::uint32_t kCellBlock = 16;

class Lerp {
 public:
  FRAMECAST_TARGET Lerp(const UpsampledRows& rows, const float* upper, const float* lower, float weight)
      : rows_(rows), upper_(upper), lower_(lower), rest_(_mm512_set1_ps(1 - weight)), weight_(_mm512_set1_ps(weight)) {}

  FRAMECAST_TARGET std::uint32_t at(std::size_t i, std::uint32_t& unsure) const {
    const __m512 value = _mm512_add_ps(_mm512_mul_ps(rest_, _mm512_loadu_ps(upper_ + i)),
                                       _mm512_mul_ps(weight_, _mm512_loadu_ps(lower_ + i)));
    _mm512_storeu_ps(rows_.values + i, value);
    const __mmask16 above = _mm512_cmp_ps_mask(value, _mm512_set1_ps(rows_.sure_above), _CMP_GT_OQ);
    const __mmask16 below = _mm512_cmp_ps_mask(value, _mm512_set1_ps(rows_.sure_below), _CMP_LE_OQ);
    const __mmask16 finite = _mm512_cmp_ps_mask(_mm512_abs_ps(value), _mm512_set1_ps(kLargest), _CMP_LE_OQ);
    unsure |= _cvtmask16_u32(_mm512_kand(finite, _mm512_kor(above, below))) ^ 0xffffu;
    return _cvtmask16_u32(above);
  }

 private:
  const UpsampledRows& rows_;
  const float* upper_;
  const float* lower_;
  __m512 rest_;
  __m512 weight_;
};

FRAMECAST_TARGET inline std::uint32_t cell_bits(const UpsampledRows& rows, std::size_t c, std::uint32_t x) {
  const __m512 weight = _mm512_loadu_ps(rows.column_weights + x);
  const __m512 value =
      _mm512_add_ps(_mm512_mul_ps(_mm512_sub_ps(_mm512_set1_ps(1), weight), _mm512_set1_ps(rows.values[c])),
                    _mm512_mul_ps(weight, _mm512_set1_ps(rows.values[c + 1])));
  return _mm512_cmp_ps_mask(value, _mm512_set1_ps(rows.threshold), _CMP_GT_OQ);
}

}  // namespace
}  // namespace framecast::kernels

#include "kernels/upsample_mask_cells.h"

namespace framecast::kernels {

FRAMECAST_TARGET void upsample_rows_avx512(const UpsampledRows& rows, std::uint32_t* ends, std::size_t* row_ends) {
  follow_rows(rows, ends, row_ends);
}

}  // namespace framecast::kernels

#endif
