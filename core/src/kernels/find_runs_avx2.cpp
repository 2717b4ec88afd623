#if defined(__x86_64__)

#include <immintrin.h>

#include "kernels/find_runs.h"

#define FRAMECAST_TARGET __attribute__((target("avx2")))

namespace framecast::kernels {
namespace {

FRAMECAST_TARGET inline std::uint32_t half_word(const std::uint8_t* pixels) {
  const __m256i values = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(pixels));
  return ~static_cast<std::uint32_t>(_mm256_movemask_epi8(_mm256_cmpeq_epi8(values, _mm256_setzero_si256())));
}

FRAMECAST_TARGET inline std::uint64_t mask_word(const std::uint8_t* pixels) {
  return half_word(pixels) | std::uint64_t{half_word(pixels + 32)} << 32;
}

}  // namespace
}  // namespace framecast::kernels

#include "kernels/find_runs_words.h"

namespace framecast::kernels {

FRAMECAST_TARGET std::size_t find_runs_avx2(const std::uint8_t* row, std::size_t width, std::uint32_t* ends) {
  return find_runs_in_words(row, width, ends);
}

}  // namespace framecast::kernels

#endif
