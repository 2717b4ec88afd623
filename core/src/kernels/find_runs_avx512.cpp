#if defined(__x86_64__)

#include <immintrin.h>

#include "kernels/find_runs.h"

#define FRAMECAST_TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi")))

namespace framecast::kernels {
namespace {

FRAMECAST_TARGET inline std::uint64_t mask_word(const std::uint8_t* pixels) {
  const __m512i values = _mm512_loadu_si512(pixels);
  return _mm512_test_epi8_mask(values, values);
}

}  // namespace
}  // namespace framecast::kernels

#include "kernels/find_runs_words.h"

namespace framecast::kernels {

FRAMECAST_TARGET std::size_t find_runs_avx512(const std::uint8_t* row, std::size_t width, std::uint32_t* ends) {
  return find_runs_in_words(row, width, ends);
}

}  // namespace framecast::kernels

#endif
