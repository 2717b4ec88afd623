#if defined(__x86_64__)

#include <immintrin.h>

#include <limits>

#include "kernels/upsample_mask.h"

#define FRAMECAST_TARGET __attribute__((target("avx2")))

namespace framecast::kernels {
namespace {

constexpr float kLargest = std::numeric_limits<float>::max();
constexpr std::size_t kValueBlock = 8;
constexpr std::uint32_t kCellBlock = 8;

FRAMECAST_TARGET inline std::uint32_t bits(__m256 lanes) {
  return static_cast<std::uint32_t>(_mm256_movemask_ps(lanes));
}

class Lerp {
 public:
  FRAMECAST_TARGET Lerp(const UpsampledRows& rows, const float* upper, const float* lower, float weight)
      : rows_(rows), upper_(upper), lower_(lower), rest_(_mm256_set1_ps(1 - weight)), weight_(_mm256_set1_ps(weight)) {}

  FRAMECAST_TARGET std::uint32_t at(std::size_t i, std::uint32_t& unsure) const {
    const __m256 value = _mm256_add_ps(_mm256_mul_ps(rest_, _mm256_loadu_ps(upper_ + i)),
                                       _mm256_mul_ps(weight_, _mm256_loadu_ps(lower_ + i)));
    _mm256_storeu_ps(rows_.values + i, value);
    const __m256 size = _mm256_andnot_ps(_mm256_set1_ps(-0.0f), value);
    const __m256 finite = _mm256_cmp_ps(size, _mm256_set1_ps(kLargest), _CMP_LE_OQ);
    const __m256 above = _mm256_cmp_ps(value, _mm256_set1_ps(rows_.sure_above), _CMP_GT_OQ);
    const __m256 below = _mm256_cmp_ps(value, _mm256_set1_ps(rows_.sure_below), _CMP_LE_OQ);
    unsure |= bits(_mm256_and_ps(finite, _mm256_or_ps(above, below))) ^ 0xffu;
    return bits(above);
  }

 private:
  const UpsampledRows& rows_;
  const float* upper_;
  const float* lower_;
  __m256 rest_;
  __m256 weight_;
};

FRAMECAST_TARGET inline std::uint32_t cell_bits(const UpsampledRows& rows, std::size_t c, std::uint32_t x) {
  const __m256 weight = _mm256_loadu_ps(rows.column_weights + x);
  const __m256 value =
      _mm256_add_ps(_mm256_mul_ps(_mm256_sub_ps(_mm256_set1_ps(1), weight), _mm256_set1_ps(rows.values[c])),
                    _mm256_mul_ps(weight, _mm256_set1_ps(rows.values[c + 1])));
  return bits(_mm256_cmp_ps(value, _mm256_set1_ps(rows.threshold), _CMP_GT_OQ));
}

}  // namespace
}  // namespace framecast::kernels

#include "kernels/upsample_mask_cells.h"

namespace framecast::kernels {

FRAMECAST_TARGET void upsample_rows_avx2(const UpsampledRows& rows, std::uint32_t* ends, std::size_t* row_ends) {
  follow_rows(rows, ends, row_ends);
}

}  // namespace framecast::kernels

#endif
