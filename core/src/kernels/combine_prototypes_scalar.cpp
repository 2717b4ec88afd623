#include <algorithm>

#include "kernels/combine_prototypes.h"

namespace framecast::kernels {

void combine_prototypes_scalar(const PrototypeRow& given) {
  const PrototypeRow row = given;
  std::fill_n(row.out, row.width, 0.0f);
  for (std::size_t p = 0; p < row.count; ++p) {
    const float* const values = row.first + p * row.plane;
    for (std::size_t x = 0; x < row.width; ++x) row.out[x] += row.coefficients[p] * values[x];
  }
}

}  // namespace framecast::kernels
