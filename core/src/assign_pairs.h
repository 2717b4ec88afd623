#pragma once

#include "framecast/assign.h"

namespace framecast {

/// `assign` for the pairs that the caller has put into the workspace, with finite costs of max_cost at most.
void assign_pairs(std::size_t rows, std::size_t columns, float max_cost, std::span<std::int64_t> column_of_row,
                  std::span<std::int64_t> row_of_column, AssignWorkspace& workspace);

}  // namespace framecast
