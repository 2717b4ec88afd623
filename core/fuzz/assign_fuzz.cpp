#include <cmath>
#include <vector>

#include "framecast/assign.h"
#include "fuzz_input.h"

// Any costs: the matching is one, of allowed pairs only, and no two rows would gain by trading their columns.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  FuzzInput input(data, size);
  const auto rows = input.in_range<std::size_t>(0, 40), columns = input.in_range<std::size_t>(0, 40);
  const bool bounded = input.flag();
  float max_cost = bounded ? input.number() : std::numeric_limits<float>::infinity();
  if (std::isnan(max_cost)) max_cost = 0;
  const std::vector<float> costs = input.numbers(rows * columns);
  std::vector<std::int64_t> column_of_row(rows), row_of_column(columns);
  framecast::AssignWorkspace workspace;
  framecast::assign(costs, rows, columns, max_cost, column_of_row, row_of_column, workspace);
  auto cost = [&](std::size_t row, std::int64_t column) {
    return costs[row * columns + static_cast<std::size_t>(column)];
  };
  auto allowed = [&](float value) { return std::isfinite(value) && value <= max_cost; };
  double highest = 1;
  for (float value : costs) {
    if (std::isfinite(value)) highest = std::max(highest, std::abs(static_cast<double>(value)));
  }
  std::size_t matched = 0;
  for (std::size_t row = 0; row < rows; ++row) {
    const std::int64_t column = column_of_row[row];
    if (column < 0) {
      FUZZ_CHECK(column == -1);
      for (std::size_t other = 0; other < columns; ++other) {
        // A free pair that is worth it, or that more pairs would come of, is never left.
        const float value = costs[row * columns + other];
        FUZZ_CHECK(row_of_column[other] >= 0 || !allowed(value) || value >= max_cost - 1e-9 * highest);
      }
      continue;
    }
    ++matched;
    FUZZ_CHECK(column < static_cast<std::int64_t>(columns) && allowed(cost(row, column)));
    FUZZ_CHECK(row_of_column[static_cast<std::size_t>(column)] == static_cast<std::int64_t>(row));
    for (std::size_t other = 0; other < row; ++other) {
      const std::int64_t their = column_of_row[other];
      if (their < 0 || !allowed(cost(row, their)) || !allowed(cost(other, column))) continue;
      const double now = static_cast<double>(cost(row, column)) + cost(other, their);
      const double traded = static_cast<double>(cost(row, their)) + cost(other, column);
      FUZZ_CHECK(now <= traded + 1e-9 * highest);
    }
  }
  std::size_t taken = 0;
  for (std::int64_t row : row_of_column) taken += row >= 0;
  FUZZ_CHECK(taken == matched);
  return 0;
}
