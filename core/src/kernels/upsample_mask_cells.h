// Included once by each kernel for a set of instructions, which defines before:
//   FRAMECAST_TARGET, the attribute of its functions;
//   Lerp(rows, upper, lower, weight), a row's interpolation: at(i, unsure) puts the values i to i + kValueBlock into
//   rows.values, and returns which of them are surely above the threshold; neither these nor surely not gives `unsure`;
//   kCellBlock and cell_bits(rows, c, x): which of the kCellBlock pixels from x on, taken to lie in cell c, are mask.

#include <bit>

namespace framecast::kernels {
namespace {

/// Fills rows.values and the bits rows.above; false if a value is too near the threshold to tell, or not finite.
FRAMECAST_TARGET inline bool compute_values(const UpsampledRows& rows, std::size_t y) {
  const auto first = static_cast<std::size_t>(rows.row_first[y]);
  const std::size_t second = first + 1 < rows.source_rows ? first + 1 : first;
  const Lerp lerp(rows, rows.source + first * rows.stride, rows.source + second * rows.stride, rows.row_weights[y]);
  std::uint32_t unsure = 0;
  for (std::size_t begin = 0; begin < rows.cells; begin += 64) {
    const std::size_t count = rows.cells - begin < 64 ? rows.cells - begin : 64;
    std::uint64_t above = 0;
    for (std::size_t i = 0; i < count; i += kValueBlock) above |= std::uint64_t{lerp.at(begin + i, unsure)} << i;
    rows.above[begin / 64] = above;
  }
  rows.values[rows.cells] = rows.values[rows.cells - 1];
  return unsure == 0;
}

/// Looks at every pixel of cell c: adds where the mask changes and returns how it ends.
template <typename Add>
FRAMECAST_TARGET inline std::uint32_t follow_cell(const UpsampledRows& rows, std::size_t c, std::uint32_t inside,
                                                  Add add) {
  const std::uint32_t end = rows.cell_begin[c + 1];
  for (std::uint32_t x = rows.cell_begin[c]; x < end; x += kCellBlock) {
    const std::uint32_t pixels = end - x < kCellBlock ? end - x : kCellBlock;
    const std::uint32_t lanes = (std::uint32_t{1} << pixels) - 1;
    const std::uint32_t mask = (cell_bits(rows, c, x) & lanes) << 1 | inside;
    for (std::uint32_t turns = (mask ^ mask >> 1) & lanes; turns != 0; turns &= turns - 1) {
      add(x + static_cast<std::uint32_t>(std::countr_zero(turns)));
    }
    inside = mask >> pixels;
  }
  return inside;
}

FRAMECAST_TARGET inline std::uint32_t* follow_all_cells(const UpsampledRows& rows, std::uint32_t* ends) {
  std::uint32_t inside = 0;
  for (std::size_t c = 0; c < rows.cells; ++c) {
    inside = follow_cell(rows, c, inside, [&ends](std::uint32_t x) { *ends++ = x; });
  }
  *ends = rows.cell_begin[rows.cells];
  return ends + inside;
}

/// The same where each value is surely on one side: only cells between values on different sides are looked at.
FRAMECAST_TARGET inline std::uint32_t* follow_changes(const UpsampledRows& rows, std::uint32_t* const row_begin) {
  std::uint32_t* ends = row_begin;
  // Where no pixel lies between two changes there is no run.
  auto add = [&](std::uint32_t x) {
    if (ends != row_begin && ends[-1] == x) {
      --ends;
    } else {
      *ends++ = x;
    }
  };
  std::uint32_t inside = rows.above[0] & 1;
  if (inside) add(0);
  std::uint64_t before = inside;
  for (std::size_t begin = 0; begin < rows.cells; begin += 64) {
    const std::uint64_t above = rows.above[begin / 64];
    const std::size_t count = rows.cells - begin < 64 ? rows.cells - begin : 64;
    std::uint64_t changes = (above ^ (above << 1 | before)) & (~std::uint64_t{0} >> (64 - count));
    before = above >> 63;
    for (; changes != 0; changes &= changes - 1) {
      const std::size_t c = begin + static_cast<std::size_t>(std::countr_zero(changes)) - 1;
      const std::uint32_t x = rows.cell_begin[c];
      const std::uint32_t pixels = rows.cell_begin[c + 1] - x;
      const std::uint32_t side = inside ^ 1;
      if (pixels <= kCellBlock) {
        // The side before the cell, its pixels, and the side behind it.
        const std::uint32_t lanes = (std::uint32_t{1} << pixels) - 1;
        const std::uint32_t sides = side << (pixels + 1) | (cell_bits(rows, c, x) & lanes) << 1 | inside;
        std::uint32_t turns = (sides ^ sides >> 1) & (lanes << 1 | 1);
        add(x + static_cast<std::uint32_t>(std::countr_zero(turns)));
        for (turns &= turns - 1; turns != 0; turns &= turns - 1) {  // Seldom; by rounding.
          add(x + static_cast<std::uint32_t>(std::countr_zero(turns)));
        }
      } else if (follow_cell(rows, c, inside, add) != side) {
        add(x + pixels);
      }
      inside = side;
    }
  }
  if (inside) add(rows.cell_begin[rows.cells]);
  return ends;
}

FRAMECAST_TARGET inline void follow_rows(const UpsampledRows& given, std::uint32_t* ends, std::size_t* row_ends) {
  const UpsampledRows rows = given;  // A copy: the compiler must think that what is written could change the original.
  std::uint32_t* next = ends;
  for (std::size_t y = 0; y < rows.rows; ++y) {
    next = compute_values(rows, y) ? follow_changes(rows, next) : follow_all_cells(rows, next);
    row_ends[y] = static_cast<std::size_t>(next - ends);
  }
}

}  // namespace
}  // namespace framecast::kernels
