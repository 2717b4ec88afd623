#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace framecast {

/// A pair that may be matched.
struct AllowedPair {
  std::uint32_t column;
  float cost;
};

/// Memory of `assign`, reused across calls; one per caller.
struct AssignWorkspace {
  std::vector<AllowedPair> pairs;        ///< Row by row, columns rising.
  std::vector<std::size_t> pair_splits;  ///< [rows + 1] offsets into them.
  std::vector<double> row_prices;        ///< The dual solution: cost >= row's + column's price, equal where matched.
  std::vector<double> column_prices;
  std::vector<double> distances;       ///< Per column: length of the shortest path to it.
  std::vector<std::uint32_t> sources;  ///< Per column: the row before it on that path.
  std::vector<std::uint32_t> open;     ///< Columns reached whose shortest path is not certain yet.
  std::vector<std::uint32_t> closed;   ///< Columns whose shortest path is.
  std::vector<std::uint8_t> states;    ///< Per column: not reached, open or closed.
};

/// Linear assignment: matches rows to columns, each at most once, at the lowest sum of costs.
///
/// `costs` is [rows, columns], row after row. A pair whose cost is above max_cost, NaN or infinite is never matched. Of
/// the others those are matched for which the sum of (cost - max_cost) is lowest: a row may stay alone, and that
/// costs max_cost. With an infinite max_cost as many pairs as can be are matched, and among such choices the cheapest.
/// Writes each row's column and each column's row, or -1. Sums are float64. Equally good solutions are decided by the
/// input alone, in the same way every time.
/// By shortest augmenting paths (Jonker and Volgenant, "A shortest augmenting path algorithm for dense and sparse
/// linear assignment problems", 1987): O(rows * columns * min(rows, columns)) at worst, and far less where few pairs
/// are allowed. Throws std::invalid_argument, naming the argument, where sizes do not fit or max_cost is NaN.
void assign(std::span<const float> costs, std::size_t rows, std::size_t columns, float max_cost,
            std::span<std::int64_t> column_of_row, std::span<std::int64_t> row_of_column, AssignWorkspace& workspace);

}  // namespace framecast
