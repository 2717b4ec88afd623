#pragma once

#include <cstddef>
#include <cstdint>

#include "isa.h"
#include "values.h"

namespace framecast::kernels {

/// Positions that lie side by side are looked at in blocks of this many.
constexpr std::size_t kScanBlock = 16;

/// Blocks of positions of a plane, and what each position's number is compared with.
struct ScanBlocks {
  const std::uint32_t* starts;  ///< [count], the first position of each.
  const float* bounds;          ///< [count * kScanBlock]; NaN: this position is never found.
  std::size_t count;
  std::size_t end;  ///< Positions of the plane. A block may reach past it; nothing is read or found there.
};

/// Kernels that find the numbers that reach a bound; NaN never does.
template <typename T>
struct ScoreScan {
  /// Bit i of `marks` becomes values[i] >= bound for i < count; the last word is filled up with zeros.
  void (*mark)(const Values<T>& values, std::size_t count, float bound, std::uint64_t* marks);
  /// Writes the slots k * kScanBlock + i with plane[starts[k] + i] >= bounds[k * kScanBlock + i], rising; returns how
  /// many. `slots` has room for all.
  std::size_t (*find)(const Values<T>& plane, const ScanBlocks& blocks, std::uint32_t* slots);
};

inline std::size_t mark_words(std::size_t count) { return (count + 63) / 64; }

/// The slots of one block, one by one: the definition, and what the other kernels do at the end of a plane.
template <typename T>
std::size_t find_in_block(const Values<T>& plane, const ScanBlocks& blocks, std::size_t block, std::uint32_t* slots) {
  std::size_t found = 0;
  const std::size_t start = blocks.starts[block];
  for (std::size_t i = 0; i < kScanBlock && start + i < blocks.end; ++i) {
    const std::size_t slot = block * kScanBlock + i;
    if (plane[start + i] >= blocks.bounds[slot]) slots[found++] = static_cast<std::uint32_t>(slot);
  }
  return found;
}

/// The marks of fewer than 64 numbers.
template <typename T>
std::uint64_t mark_few(const Values<T>& values, std::size_t first, std::size_t end, float bound) {
  std::uint64_t word = 0;
  for (std::size_t i = first; i < end; ++i) word |= std::uint64_t{values[i] >= bound} << (i - first);
  return word;
}

template <typename T>
ScoreScan<T> score_scan_scalar();
#if defined(__x86_64__)
template <typename T>
ScoreScan<T> score_scan_avx2();
template <typename T>
ScoreScan<T> score_scan_avx512();
#elif defined(__aarch64__)
template <typename T>
ScoreScan<T> score_scan_neon();
#endif

template <typename T>
ScoreScan<T> score_scan(Isa isa) {
#if defined(__x86_64__)
  if (isa == Isa::avx512) return score_scan_avx512<T>();
  if (isa == Isa::avx2) return score_scan_avx2<T>();
#elif defined(__aarch64__)
  if (isa == Isa::neon) return score_scan_neon<T>();
#endif
  static_cast<void>(isa);
  return score_scan_scalar<T>();
}

}  // namespace framecast::kernels
