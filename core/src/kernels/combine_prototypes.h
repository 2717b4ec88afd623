#pragma once

#include <cstddef>

#include "isa.h"

namespace framecast::kernels {

/// A part of a row of all prototypes, to be summed up for one instance.
struct PrototypeRow {
  const float* first;  ///< Of the first prototype; of prototype p it is first + p * plane.
  std::size_t plane;
  const float* coefficients;  ///< [count]
  std::size_t count;
  std::size_t width;
  float* out;  ///< [width]: 0 + coefficients[0] * first[x] + coefficients[1] * first[plane + x] + ..., in this order.
};

using CombinePrototypes = void (*)(const PrototypeRow& row);
void combine_prototypes_scalar(const PrototypeRow& row);

#if defined(__x86_64__)
void combine_prototypes_avx2(const PrototypeRow& row);
void combine_prototypes_avx512(const PrototypeRow& row);
#endif

inline CombinePrototypes combine_prototypes_kernel(Isa isa) {
#if defined(__x86_64__)
  if (isa == Isa::avx512) return combine_prototypes_avx512;
  if (isa == Isa::avx2) return combine_prototypes_avx2;
#endif
  static_cast<void>(isa);
  return combine_prototypes_scalar;  // On Arm64 the compiler has NEON for it.
}

}  // namespace framecast::kernels
