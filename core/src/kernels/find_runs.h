#pragma once

#include <cstddef>
#include <cstdint>

#include "isa.h"

namespace framecast::kernels {

/// Writes the columns of a row where runs of non-zero pixels begin and end, in turn, and returns how many; at most
/// width + 1, with room for one more.
using FindRuns = std::size_t (*)(const std::uint8_t* row, std::size_t width, std::uint32_t* ends);
std::size_t find_runs_scalar(const std::uint8_t* row, std::size_t width, std::uint32_t* ends);

#if defined(__x86_64__)
std::size_t find_runs_avx2(const std::uint8_t* row, std::size_t width, std::uint32_t* ends);
std::size_t find_runs_avx512(const std::uint8_t* row, std::size_t width, std::uint32_t* ends);
#elif defined(__aarch64__)
std::size_t find_runs_neon(const std::uint8_t* row, std::size_t width, std::uint32_t* ends);
#endif

inline FindRuns find_runs_kernel(Isa isa) {
#if defined(__x86_64__)
  if (isa == Isa::avx512) return find_runs_avx512;
  if (isa == Isa::avx2) return find_runs_avx2;
#elif defined(__aarch64__)
  if (isa == Isa::neon) return find_runs_neon;
#endif
  static_cast<void>(isa);
  return find_runs_scalar;
}

}  // namespace framecast::kernels
