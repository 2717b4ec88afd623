// Included once by each kernel for a set of instructions, which defines before:
//   FRAMECAST_TARGET, the attribute of its functions;
//   mask_word(pixels): a bit for each of 64 pixels that is not zero.

#include <bit>
#include <cstring>

namespace framecast::kernels {
namespace {

FRAMECAST_TARGET inline std::size_t find_runs_in_words(const std::uint8_t* row, std::size_t width,
                                                       std::uint32_t* ends) {
  std::size_t count = 0;
  std::uint64_t inside = 0;
  auto take = [&](std::uint64_t mask, std::size_t x) {
    for (std::uint64_t turns = mask ^ (mask << 1 | inside); turns != 0; turns &= turns - 1) {
      ends[count++] = static_cast<std::uint32_t>(x) + static_cast<std::uint32_t>(std::countr_zero(turns));
    }
    inside = mask >> 63;
  };
  std::size_t x = 0;
  for (; x + 64 <= width; x += 64) take(mask_word(row + x), x);
  if (x < width) {
    std::uint8_t rest[64] = {};
    std::memcpy(rest, row + x, width - x);
    take(mask_word(rest), x);  // Beyond the end nothing is mask, so a last run ends there.
  } else if (inside) {
    ends[count++] = static_cast<std::uint32_t>(width);
  }
  return count;
}

}  // namespace
}  // namespace framecast::kernels
