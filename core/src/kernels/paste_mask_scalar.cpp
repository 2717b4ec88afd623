#include "kernels/paste_mask.h"

namespace framecast::kernels {

void paste_row_scalar(const PastedRow& given) {
  const PastedRow row = given;  // A copy: the compiler must think that bytes written could change the original.
  for (std::size_t x = 0; x < row.width; ++x) {
    const float weight = row.weights[x];
    const float value = (1 - weight) * row.values[row.first[x]] + weight * row.values[row.second[x]];
    row.out[x] = value > row.threshold;
  }
}

}  // namespace framecast::kernels
