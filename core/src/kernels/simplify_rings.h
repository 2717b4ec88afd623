#pragma once

#include <cstddef>

#include "isa.h"

namespace framecast::kernels {

/// Points begin to end of a ring, and the segment that they are measured against.
struct Chain {
  const double* x;  ///< Of the whole ring; indices below are into it.
  const double* y;
  std::size_t begin;
  std::size_t end;
  double ax, ay, bx, by;
};

struct Farthest {
  std::size_t index;  ///< `begin` of the chain less 1 if none is farther than the limit.
  double squared;
};

/// The point farthest from the segment, if its squared distance is above `limit`; ties: the lowest index.
using FindFarthest = Farthest (*)(const Chain& chain, double limit);
Farthest find_farthest_scalar(const Chain& chain, double limit);

#if defined(__x86_64__)
Farthest find_farthest_avx2(const Chain& chain, double limit);
Farthest find_farthest_avx512(const Chain& chain, double limit);
#endif

inline FindFarthest find_farthest_kernel(Isa isa) {
#if defined(__x86_64__)
  if (isa == Isa::avx512) return find_farthest_avx512;
  if (isa == Isa::avx2) return find_farthest_avx2;
#endif
  static_cast<void>(isa);
  return find_farthest_scalar;
}

}  // namespace framecast::kernels
