#include "kernels/find_runs.h"

namespace framecast::kernels {

std::size_t find_runs_scalar(const std::uint8_t* row, std::size_t width, std::uint32_t* ends) {
  std::size_t count = 0;
  bool inside = false;
  for (std::size_t x = 0; x < width; ++x) {
    const bool mask = row[x] != 0;
    if (mask == inside) continue;
    ends[count++] = static_cast<std::uint32_t>(x);
    inside = mask;
  }
  if (inside) ends[count++] = static_cast<std::uint32_t>(width);
  return count;
}

}  // namespace framecast::kernels
