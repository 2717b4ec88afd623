#if defined(__aarch64__)

#include <arm_neon.h>

#include "kernels/find_runs.h"

#define FRAMECAST_TARGET

namespace framecast::kernels {
namespace {

inline std::uint64_t mask_word(const std::uint8_t* pixels) {
  constexpr std::uint8_t kBits[] = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
  const uint8x16_t bits = vld1q_u8(kBits);
  auto set = [&](std::size_t i) {
    const uint8x16_t values = vld1q_u8(pixels + i);
    return vandq_u8(vtstq_u8(values, values), bits);
  };
  // Neighbours are added three times, after which each byte holds the bits of eight pixels.
  const uint8x16_t low = vpaddq_u8(set(0), set(16)), high = vpaddq_u8(set(32), set(48));
  const uint8x16_t word = vpaddq_u8(low, high);
  return vgetq_lane_u64(vreinterpretq_u64_u8(vpaddq_u8(word, word)), 0);
}

}  // namespace
}  // namespace framecast::kernels

#include "kernels/find_runs_words.h"

namespace framecast::kernels {

FRAMECAST_TARGET std::size_t find_runs_neon(const std::uint8_t* row, std::size_t width, std::uint32_t* ends) {
  return find_runs_in_words(row, width, ends);
}

}  // namespace framecast::kernels

#endif
