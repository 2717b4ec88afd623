#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace framecast {

/// The mask pixels of a part of an image, as runs per row; as large as the mask's outline, not its area.
struct MaskRuns {
  std::vector<std::uint32_t> ends;      ///< Per row the columns where runs begin and end, in turn, rising; then room.
  std::vector<std::size_t> row_splits;  ///< [rows + 1] offsets into `ends`.
  std::int64_t left = 0;                ///< Image column of column 0.
  std::int64_t top = 0;                 ///< Image row of row 0.

  void clear(std::int64_t image_left, std::int64_t image_top) {
    row_splits.assign(1, 0);
    left = image_left;
    top = image_top;
  }
  std::size_t rows() const { return row_splits.size() - 1; }

  /// Room for the ends of more rows, and one.
  std::uint32_t* begin_rows(std::size_t count, std::size_t width) {
    const std::size_t needed = row_splits.back() + count * (width + 1) + 1;
    if (ends.size() < needed) ends.resize(std::max(needed, 2 * ends.size()));
    return ends.data() + row_splits.back();
  }

  /// Adds these rows; `row_ends` is how many ends there are up to the end of each.
  void end_rows(std::span<const std::size_t> row_ends) {
    const std::size_t first = row_splits.back();
    for (std::size_t count : row_ends) row_splits.push_back(first + count);
  }
};

/// The runs of non-zero pixels of a whole mask [height * width].
void find_runs(std::span<const std::uint8_t> mask, std::size_t height, std::size_t width, MaskRuns& runs);

/// Turns runs along rows of `width` pixels into runs along columns, or back; the image's rows become its columns.
void transpose(const MaskRuns& runs, std::size_t width, MaskRuns& columns);

}  // namespace framecast
