#include "mask_runs.h"

#include "isa.h"
#include "kernels/find_runs.h"

namespace framecast {
namespace {

struct Row {
  const std::uint32_t* ends;
  std::size_t count;
};

Row row_of(const MaskRuns& runs, std::size_t y) {
  if (y >= runs.rows()) return {nullptr, 0};
  return {runs.ends.data() + runs.row_splits[y], runs.row_splits[y + 1] - runs.row_splits[y]};
}

/// Calls visit(begin, end) for each stretch of columns in which only one of two rows is mask.
template <typename Visit>
void for_each_difference(const Row& upper, const Row& lower, Visit visit) {
  std::size_t i = 0;
  std::size_t j = 0;
  std::uint32_t begin = 0;
  bool differ = false;
  while (i < upper.count || j < lower.count) {
    const bool take_upper = j == lower.count || (i < upper.count && upper.ends[i] <= lower.ends[j]);
    const bool take_lower = i == upper.count || (j < lower.count && lower.ends[j] <= upper.ends[i]);
    const std::uint32_t x = take_upper ? upper.ends[i] : lower.ends[j];
    i += take_upper;
    j += take_lower;
    if (take_upper && take_lower) continue;
    if (differ) visit(begin, x);
    begin = x;
    differ = !differ;
  }
}

}  // namespace

void find_runs(std::span<const std::uint8_t> mask, std::size_t height, std::size_t width, MaskRuns& runs) {
  const kernels::FindRuns find_runs_of_row = kernels::find_runs_kernel(active_isa());
  runs.clear(0, 0);
  for (std::size_t y = 0; y < height; ++y) {
    const std::size_t count = find_runs_of_row(mask.data() + y * width, width, runs.begin_rows(1, width));
    runs.end_rows({&count, 1});
  }
}

void transpose(const MaskRuns& runs, std::size_t width, MaskRuns& columns) {
  columns.clear(runs.top, runs.left);
  // How many ends each column gets: what is added where a stretch begins is taken off again where it ends.
  auto& splits = columns.row_splits;
  splits.assign(width + 2, 0);
  for (std::size_t y = 0; y <= runs.rows(); ++y) {
    for_each_difference(row_of(runs, y > 0 ? y - 1 : runs.rows()), row_of(runs, y),
                        [&](std::uint32_t begin, std::uint32_t end) {
                          ++splits[begin + 1];
                          --splits[end + 1];
                        });
  }
  for (std::size_t x = 1; x <= width; ++x) splits[x] += splits[x - 1];
  splits.resize(width + 1);
  for (std::size_t x = 1; x <= width; ++x) splits[x] += splits[x - 1];
  if (columns.ends.size() < splits[width]) columns.ends.resize(splits[width]);
  // Filling moves each column's offset to its end; shifting them by one restores the starts.
  std::uint32_t* const ends = columns.ends.data();
  for (std::size_t y = 0; y <= runs.rows(); ++y) {
    for_each_difference(row_of(runs, y > 0 ? y - 1 : runs.rows()), row_of(runs, y),
                        [&](std::uint32_t begin, std::uint32_t end) {
                          for (std::uint32_t x = begin; x < end; ++x) ends[splits[x]++] = static_cast<std::uint32_t>(y);
                        });
  }
  for (std::size_t x = width; x > 0; --x) splits[x] = splits[x - 1];
  splits[0] = 0;
}

}  // namespace framecast
