#include "framecast/assign.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "argument.h"
#include "assign_pairs.h"

namespace framecast {
namespace {

constexpr double kInfinite = std::numeric_limits<double>::infinity();
constexpr std::uint32_t kNone = std::numeric_limits<std::uint32_t>::max();

enum : std::uint8_t { kNotReached, kOpen, kClosed };

/// What leaving a row alone costs. Where that is infinite: more than any change of the pairs could save.
double cost_alone(float max_cost, const AssignWorkspace& workspace) {
  if (std::isfinite(max_cost)) return max_cost;
  double highest = 1;
  for (const AllowedPair& pair : workspace.pairs) highest = std::max(highest, std::abs(static_cast<double>(pair.cost)));
  return 4 * highest * static_cast<double>(std::min(workspace.row_prices.size(), workspace.column_prices.size()) + 1);
}

class Solver {
 public:
  Solver(std::size_t rows, std::size_t columns, float max_cost, std::span<std::int64_t> column_of_row,
         std::span<std::int64_t> row_of_column, AssignWorkspace& workspace)
      : column_of_row_(column_of_row), row_of_column_(row_of_column), workspace_(workspace) {
    workspace.row_prices.assign(rows, 0);
    workspace.column_prices.assign(columns, 0);
    workspace.distances.assign(columns, kInfinite);
    workspace.sources.assign(columns, 0);
    workspace.states.assign(columns, kNotReached);
    workspace.open.clear();
    workspace.open.reserve(columns);
    workspace.closed.clear();
    workspace.closed.reserve(columns);
    alone_ = cost_alone(max_cost, workspace);
    std::fill(column_of_row.begin(), column_of_row.end(), -1);
    std::fill(row_of_column.begin(), row_of_column.end(), -1);
  }

  void solve() {
    // A row whose cheapest column is free takes it: optimal so far, with all columns' prices at 0.
    for (std::uint32_t row = 0; row < column_of_row_.size(); ++row) {
      double& price = workspace_.row_prices[row];
      price = alone_;
      std::uint32_t cheapest = kNone;
      for (const AllowedPair& pair : pairs_of(row)) {
        const bool cheaper = pair.cost < price || (pair.cost == price && cheapest == kNone);
        if (!cheaper) continue;
        price = pair.cost;
        cheapest = pair.column;
      }
      if (cheapest != kNone && row_of_column_[cheapest] < 0) match(row, cheapest);
    }
    for (int round = 0; round < 2; ++round) bid();
    // Those left one by one. One that is left alone stays so, for later rows only make columns dearer.
    for (std::uint32_t row = 0; row < column_of_row_.size(); ++row) {
      if (column_of_row_[row] < 0 && !pairs_of(row).empty()) augment(row);
    }
  }

 private:
  std::span<const AllowedPair> pairs_of(std::uint32_t row) const {
    const std::size_t begin = workspace_.pair_splits[row];
    return {workspace_.pairs.data() + begin, workspace_.pair_splits[row + 1] - begin};
  }

  void match(std::uint32_t row, std::uint32_t column) {
    column_of_row_[row] = column;
    row_of_column_[column] = row;
  }

  /// The rows without a column bid for their cheapest one: they raise its price (which is one below 0) to where the
  /// next best costs the same, and whoever had it bids next. Every step keeps the prices feasible and pairs tight, so
  /// it may end at any time; what it settles needs no path. (Augmenting row reduction.)
  void bid() {
    // What was outbid by little again and again is cheaper by paths.
    std::size_t budget = 2 * column_of_row_.size();
    for (std::uint32_t first = 0; first < column_of_row_.size(); ++first) {
      if (column_of_row_[first] >= 0) continue;
      for (std::uint32_t row = first; budget > 0; --budget) {
        const auto [cheapest, least, next] = cheapest_two(row);
        workspace_.row_prices[row] = least;
        if (cheapest == kNone || (least == next && row_of_column_[cheapest] >= 0)) break;
        double& price = workspace_.column_prices[cheapest];
        price -= next - least;
        workspace_.row_prices[row] = next;
        const std::int64_t outbid = row_of_column_[cheapest];
        match(row, cheapest);
        if (outbid < 0) break;
        row = static_cast<std::uint32_t>(outbid);
        column_of_row_[row] = -1;
      }
    }
  }

  struct CheapestTwo {
    std::uint32_t column;  ///< None where staying alone costs less.
    double least;
    double next;  ///< What the second best, a column or staying alone, costs.
  };

  /// A free column wins a tie.
  CheapestTwo cheapest_two(std::uint32_t row) const {
    CheapestTwo best{kNone, alone_, kInfinite};
    for (const AllowedPair& pair : pairs_of(row)) {
      const double cost = pair.cost - workspace_.column_prices[pair.column];
      if (cost >= best.next) continue;
      const bool wins_tie = cost == best.least && best.column != kNone && row_of_column_[best.column] >= 0 &&
                            row_of_column_[pair.column] < 0;
      if (cost < best.least || wins_tie) {
        best = {pair.column, cost, best.least};
      } else {
        best.next = cost;
      }
    }
    return best;
  }

  /// Brings the row into the solution along the shortest path, by what the pairs cost beyond their prices, that ends in
  /// a free column or in leaving another row alone (or this one).
  void augment(std::uint32_t first) {
    auto& [pairs, splits, row_prices, column_prices, distances, sources, open, closed, states] = workspace_;
    std::uint32_t row = first, lonely = first, end = kNone;
    double distance = 0, distance_alone = kInfinite, length;
    for (;;) {
      if (const double alone = distance + (alone_ - row_prices[row]); alone < distance_alone) {
        distance_alone = alone;
        lonely = row;
      }
      for (const AllowedPair& pair : pairs_of(row)) {
        const std::uint32_t column = pair.column;
        if (states[column] == kClosed) continue;
        const double to = distance + ((pair.cost - row_prices[row]) - column_prices[column]);
        if (!(to < distances[column])) continue;
        distances[column] = to;
        sources[column] = row;
        if (states[column] == kOpen) continue;
        states[column] = kOpen;
        open.push_back(column);
      }
      const std::size_t nearest = nearest_open();
      if (nearest == open.size() || distances[open[nearest]] > distance_alone) {
        length = distance_alone;
        break;
      }
      const std::uint32_t column = open[nearest];
      distance = distances[column];
      if (row_of_column_[column] < 0) {
        length = distance;
        end = column;
        break;
      }
      states[column] = kClosed;
      closed.push_back(column);
      open[nearest] = open.back();
      open.pop_back();
      row = static_cast<std::uint32_t>(row_of_column_[column]);
    }
    row_prices[first] += length;
    for (std::uint32_t column : closed) {
      row_prices[static_cast<std::size_t>(row_of_column_[column])] += length - distances[column];
      column_prices[column] -= length - distances[column];
    }
    rematch(first, lonely, end);
    for (const auto* reached : {&open, &closed}) {
      for (std::uint32_t column : *reached) {
        distances[column] = kInfinite;
        states[column] = kNotReached;
      }
    }
    open.clear();
    closed.clear();
  }

  /// The place of the nearest open column, or how many there are where there is none. The first free one wins a tie.
  std::size_t nearest_open() const {
    const auto& open = workspace_.open;
    std::size_t nearest = open.size();
    double least = kInfinite;
    bool is_free = false;
    for (std::size_t i = 0; i < open.size(); ++i) {
      const double distance = workspace_.distances[open[i]];
      if (distance > least) continue;
      const bool free = row_of_column_[open[i]] < 0;
      if (distance == least && (is_free || !free)) continue;
      least = distance;
      nearest = i;
      is_free = free;
    }
    return nearest;
  }

  /// Moves each row on the path one column on: to the free column `end`, or up to the row that is left alone.
  void rematch(std::uint32_t first, std::uint32_t lonely, std::uint32_t end) {
    std::int64_t column = end;
    if (end == kNone) {
      if (lonely == first) return;
      column = column_of_row_[lonely];
      column_of_row_[lonely] = -1;
    }
    for (;;) {
      const std::uint32_t row = workspace_.sources[static_cast<std::size_t>(column)];
      const std::int64_t freed = column_of_row_[row];
      match(row, static_cast<std::uint32_t>(column));
      if (row == first) return;
      column = freed;
    }
  }

  std::span<std::int64_t> column_of_row_;
  std::span<std::int64_t> row_of_column_;
  AssignWorkspace& workspace_;
  double alone_ = 0;
};

}  // namespace

void assign_pairs(std::size_t rows, std::size_t columns, float max_cost, std::span<std::int64_t> column_of_row,
                  std::span<std::int64_t> row_of_column, AssignWorkspace& workspace) {
  Solver(rows, columns, max_cost, column_of_row, row_of_column, workspace).solve();
}

void assign(std::span<const float> costs, std::size_t rows, std::size_t columns, float max_cost,
            std::span<std::int64_t> column_of_row, std::span<std::int64_t> row_of_column, AssignWorkspace& workspace) {
  require(rows < kNone && columns < kNone, "costs: must have fewer than 2^32 - 1 rows and columns");
  require(costs.size() == rows * columns, "costs: must have one entry per row and column");
  require(!std::isnan(max_cost), "max_cost: must not be NaN");
  require(column_of_row.size() == rows, "column_of_row: must have one entry per row");
  require(row_of_column.size() == columns, "row_of_column: must have one entry per column");
  auto& pairs = workspace.pairs;
  workspace.pair_splits.assign(rows + 1, 0);
  pairs.resize(costs.size() + 1);  // One that is not allowed is written, and then over.
  std::size_t allowed = 0;
  for (std::size_t row = 0; row < rows; ++row) {
    const float* row_costs = costs.data() + row * columns;
    for (std::size_t column = 0; column < columns; ++column) {
      pairs[allowed] = {static_cast<std::uint32_t>(column), row_costs[column]};
      allowed += (row_costs[column] <= max_cost) & (std::abs(row_costs[column]) <= std::numeric_limits<float>::max());
    }
    workspace.pair_splits[row + 1] = allowed;
  }
  pairs.resize(allowed);
  assign_pairs(rows, columns, max_cost, column_of_row, row_of_column, workspace);
}

}  // namespace framecast
