#include "framecast/assign.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <stdexcept>

#include "allocations.h"
#include "check.h"
#include "random.h"

using framecast::AssignWorkspace;

namespace {

constexpr float kInfinite = std::numeric_limits<float>::infinity();

struct Problem {
  std::size_t rows, columns;
  std::vector<float> costs;
  float max_cost;

  float at(std::size_t row, std::size_t column) const { return costs[row * columns + column]; }
};

struct Solution {
  std::vector<std::int64_t> columns;
  std::vector<std::int64_t> rows;
};

Solution solve(const Problem& problem, AssignWorkspace& workspace) {
  Solution solution{std::vector<std::int64_t>(problem.rows, -7), std::vector<std::int64_t>(problem.columns, -7)};
  framecast::assign(problem.costs, problem.rows, problem.columns, problem.max_cost, solution.columns, solution.rows,
                    workspace);
  return solution;
}

/// The number of pairs and their sum, after a look at whether they are pairs at all.
std::pair<std::size_t, double> value(const Problem& problem, const Solution& solution) {
  std::size_t pairs = 0;
  double sum = 0;
  for (std::size_t row = 0; row < problem.rows; ++row) {
    const std::int64_t column = solution.columns[row];
    if (column < 0) {
      CHECK(column == -1);
      continue;
    }
    CHECK(column < static_cast<std::int64_t>(problem.columns));
    CHECK(solution.rows[static_cast<std::size_t>(column)] == static_cast<std::int64_t>(row));
    const float cost = problem.at(row, static_cast<std::size_t>(column));
    CHECK(std::isfinite(cost) && cost <= problem.max_cost);
    ++pairs;
    sum += cost;
  }
  CHECK(pairs == static_cast<std::size_t>(std::count_if(solution.rows.begin(), solution.rows.end(),
                                                        [](std::int64_t row) { return row >= 0; })));
  return {pairs, sum};
}

/// Every choice there is, by column sets: the lowest sum for each number of pairs.
std::vector<double> best_sums(const Problem& problem) {
  const std::size_t sets = std::size_t{1} << problem.columns;
  const double none = std::numeric_limits<double>::infinity();
  std::vector<double> best(sets, none);
  best[0] = 0;
  for (std::size_t row = 0; row < problem.rows; ++row) {
    for (std::size_t set = sets; set-- > 0;) {  // Falling, so that a row is used once.
      for (std::size_t column = 0; column < problem.columns; ++column) {
        const float cost = problem.at(row, column);
        if (set >> column & 1 || !std::isfinite(cost) || !(cost <= problem.max_cost)) continue;
        double& to = best[set | std::size_t{1} << column];
        to = std::min(to, best[set] + cost);
      }
    }
  }
  std::vector<double> sums(problem.columns + 1, none);
  for (std::size_t set = 0; set < sets; ++set) {
    double& sum = sums[static_cast<std::size_t>(__builtin_popcountll(set))];
    sum = std::min(sum, best[set]);
  }
  return sums;
}

Problem random_problem(Random& random, std::size_t most, bool coarse) {
  Problem problem{random.below(most + 1), random.below(most + 1), {}, kInfinite};
  const std::size_t forbidden = random.below(4);
  for (std::size_t i = 0; i < problem.rows * problem.columns; ++i) {
    float cost = coarse ? static_cast<float>(random.below(6)) - 2 : random.uniform(-1, 1);
    if (random.below(4) < forbidden) cost = random.below(2) == 0 ? kInfinite : std::nanf("");
    if (random.below(40) == 0) cost = -kInfinite;
    problem.costs.push_back(cost);
  }
  if (random.below(3) > 0) problem.max_cost = coarse ? static_cast<float>(random.below(4)) - 1 : random.uniform(-1, 1);
  return problem;
}

}  // namespace

TEST(is_the_best_of_all_choices) {
  Random random(1);
  AssignWorkspace workspace;
  for (int round = 0; round < 4000; ++round) {
    const Problem problem = random_problem(random, 7, round % 2 == 0);
    const auto [pairs, sum] = value(problem, solve(problem, workspace));
    const std::vector<double> sums = best_sums(problem);
    if (std::isfinite(problem.max_cost)) {
      double best = 0;
      for (std::size_t count = 0; count < sums.size(); ++count) {
        best = std::min(best, sums[count] - static_cast<double>(count) * problem.max_cost);
      }
      CHECK(std::abs(sum - static_cast<double>(pairs) * problem.max_cost - best) < 1e-6);
    } else {
      std::size_t most = 0;
      for (std::size_t count = 0; count < sums.size(); ++count) {
        if (std::isfinite(sums[count])) most = count;
      }
      CHECK(pairs == most);
      CHECK(std::abs(sum - sums[most]) < 1e-6);
    }
  }
}

TEST(large_problems_have_prices_that_prove_them_optimal) {
  Random random(2);
  AssignWorkspace workspace;
  for (int round = 0; round < 60; ++round) {
    const Problem problem = random_problem(random, 120, round % 2 == 0);
    const Solution solution = solve(problem, workspace);
    value(problem, solution);
    if (!std::isfinite(problem.max_cost)) continue;
    // Weak duality: where no pair is cheaper than its prices and no price above what may be had, no sum can be lower.
    for (std::size_t row = 0; row < problem.rows; ++row) {
      const double price = workspace.row_prices[row];
      CHECK(price <= problem.max_cost + 1e-9);
      if (solution.columns[row] < 0) CHECK(std::abs(price - problem.max_cost) < 1e-9);
      for (std::size_t column = 0; column < problem.columns; ++column) {
        const float cost = problem.at(row, column);
        if (!std::isfinite(cost) || cost > problem.max_cost) continue;
        const double spare = cost - price - workspace.column_prices[column];
        CHECK(spare > -1e-9);
        if (solution.columns[row] == static_cast<std::int64_t>(column)) CHECK(spare < 1e-9);
      }
    }
    for (std::size_t column = 0; column < problem.columns; ++column) {
      CHECK(workspace.column_prices[column] <= 0);
      if (solution.rows[column] < 0) CHECK(workspace.column_prices[column] == 0);
    }
  }
}

TEST(a_row_stays_alone_rather_than_cost_more) {
  AssignWorkspace workspace;
  const std::vector<float> costs{0, 0.9f, 0.9f, kInfinite};
  CHECK((solve({2, 2, costs, 1}, workspace).columns == std::vector<std::int64_t>{0, -1}));
  CHECK((solve({2, 2, costs, kInfinite}, workspace).columns == std::vector<std::int64_t>{1, 0}));
  CHECK((solve({2, 2, costs, -kInfinite}, workspace).columns == std::vector<std::int64_t>{-1, -1}));
}

TEST(ties_are_decided_the_same_way_every_time) {
  AssignWorkspace fresh, used;
  Random random(3);
  const Problem same{20, 30, std::vector<float>(600, 0.25f), 1};
  for (int round = 0; round < 5; ++round) {
    solve(random_problem(random, 60, true), used);
    CHECK(solve(same, used).columns == solve(same, fresh).columns);
  }
  std::vector<std::int64_t> rising(20);
  std::iota(rising.begin(), rising.end(), 0);
  CHECK(solve(same, fresh).columns == rising);
}

TEST(a_reused_workspace_no_longer_allocates) {
  Random random(4);
  AssignWorkspace workspace;
  std::vector<std::int64_t> columns(200), rows(180);
  std::vector<float> costs(200 * 180);
  for (float& cost : costs) cost = random.uniform(0, 1);
  auto call = [&] { framecast::assign(costs, 200, 180, 0.6f, columns, rows, workspace); };
  call();
  CHECK(allocations_of(call) == 0);
}

TEST(refuses_what_does_not_fit) {
  AssignWorkspace workspace;
  const std::vector<float> costs(6);
  std::vector<std::int64_t> two(2), three(3);
  CHECK_REFUSES("costs", framecast::assign(costs, 2, 2, 1, two, two, workspace));
  CHECK_REFUSES("max_cost", framecast::assign(costs, 2, 3, std::nanf(""), two, three, workspace));
  CHECK_REFUSES("column_of_row", framecast::assign(costs, 2, 3, 1, three, three, workspace));
  CHECK_REFUSES("row_of_column", framecast::assign(costs, 2, 3, 1, two, two, workspace));
}
