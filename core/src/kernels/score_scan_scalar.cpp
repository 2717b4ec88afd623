#include <algorithm>

#include "kernels/score_scan.h"

namespace framecast::kernels {
namespace {

template <typename T>
void mark(const Values<T>& values, std::size_t count, float bound, std::uint64_t* marks) {
  for (std::size_t first = 0; first < count; first += 64) {
    marks[first / 64] = mark_few(values, first, std::min(count, first + 64), bound);
  }
}

template <typename T>
std::size_t find(const Values<T>& plane, const ScanBlocks& blocks, std::uint32_t* slots) {
  std::size_t found = 0;
  for (std::size_t block = 0; block < blocks.count; ++block) {
    found += find_in_block(plane, blocks, block, slots + found);
  }
  return found;
}

}  // namespace

template <typename T>
ScoreScan<T> score_scan_scalar() {
  return {mark<T>, find<T>};
}

template ScoreScan<float> score_scan_scalar();
template ScoreScan<Half> score_scan_scalar();
template ScoreScan<std::int8_t> score_scan_scalar();
template ScoreScan<std::uint8_t> score_scan_scalar();

}  // namespace framecast::kernels
