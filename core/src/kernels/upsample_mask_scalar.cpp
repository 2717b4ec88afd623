#include <algorithm>

#include "kernels/upsample_mask.h"

namespace framecast::kernels {

void upsample_rows_scalar(const UpsampledRows& rows, std::uint32_t* ends, std::size_t* row_ends) {
  std::size_t count = 0;
  for (std::size_t y = 0; y < rows.rows; ++y) {
    const auto first = static_cast<std::size_t>(rows.row_first[y]);
    const float* const upper = rows.source + first * rows.stride;
    const float* const lower = rows.source + std::min(first + 1, rows.source_rows - 1) * rows.stride;
    const float weight = rows.row_weights[y];
    bool inside = false;
    for (std::size_t c = 0; c < rows.cells; ++c) {
      const std::size_t next = std::min(c + 1, rows.cells - 1);
      const float left = (1 - weight) * upper[c] + weight * lower[c];
      const float right = (1 - weight) * upper[next] + weight * lower[next];
      for (std::uint32_t x = rows.cell_begin[c]; x < rows.cell_begin[c + 1]; ++x) {
        const float value = (1 - rows.column_weights[x]) * left + rows.column_weights[x] * right;
        if ((value > rows.threshold) == inside) continue;
        inside = !inside;
        ends[count++] = x;
      }
    }
    if (inside) ends[count++] = rows.cell_begin[rows.cells];
    row_ends[y] = count;
  }
}

}  // namespace framecast::kernels
