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

/// Where the mask turns in a cell of at most kCellBlock pixels, that lies between the side before it and the other.
FRAMECAST_TARGET inline std::uint32_t turns_of_cell(const UpsampledRows& rows, std::size_t c, std::uint32_t inside) {
  const std::uint32_t x = rows.cell_begin[c], pixels = rows.cell_begin[c + 1] - x;
  const std::uint32_t lanes = (std::uint32_t{1} << pixels) - 1;
  const std::uint32_t sides = (inside ^ 1) << (pixels + 1) | (cell_bits(rows, c, x) & lanes) << 1 | inside;
  return (sides ^ sides >> 1) & (lanes << 1 | 1);
}

/// Most rows of most masks: one run, with room around it. False, and nothing of use written, where a row is not such a
/// one.
FRAMECAST_TARGET inline bool follow_one_run(const UpsampledRows& rows, std::uint32_t* ends) {
  const std::uint64_t above = rows.above[0];
  const std::uint64_t changes = (above ^ above << 1) & (~std::uint64_t{0} >> (64 - rows.cells));
  const std::uint64_t second = changes & (changes - 1);
  if ((above & 1) != 0 || second == 0 || (second & (second - 1)) != 0) return false;
  const auto first_cell = static_cast<std::size_t>(std::countr_zero(changes)) - 1;
  const auto last_cell = static_cast<std::size_t>(std::countr_zero(second)) - 1;
  const std::uint32_t x1 = rows.cell_begin[first_cell], x2 = rows.cell_begin[last_cell];
  if (rows.cell_begin[first_cell + 1] - x1 > kCellBlock || rows.cell_begin[last_cell + 1] - x2 > kCellBlock)
    return false;
  const std::uint32_t first_turns = turns_of_cell(rows, first_cell, 0);
  const std::uint32_t last_turns = turns_of_cell(rows, last_cell, 1);
  ends[0] = x1 + static_cast<std::uint32_t>(std::countr_zero(first_turns));
  ends[1] = x2 + static_cast<std::uint32_t>(std::countr_zero(last_turns));
  return ((first_turns & (first_turns - 1)) | (last_turns & (last_turns - 1))) == 0 && ends[0] < ends[1];
}

/// The same where each value is surely on one side: only cells between values on different sides are looked at.
FRAMECAST_TARGET inline std::uint32_t* follow_changes(const UpsampledRows& rows, std::uint32_t* const row_begin) {
  std::uint32_t* ends = row_begin;
  if (rows.cells <= 64 && follow_one_run(rows, ends)) return ends + 2;
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
        std::uint32_t turns = turns_of_cell(rows, c, inside);
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
  UpsampledRows rows = given;  // A copy: the compiler must think that what is written could change the original.
  const std::size_t values = upsampled_room(rows.cells + 1), words = rows.cells / 64 + 1;
  std::uint32_t* next = ends;
  for (std::size_t begin = 0; begin < given.rows; begin += kUpsampledRows) {
    const std::size_t count = given.rows - begin < kUpsampledRows ? given.rows - begin : kUpsampledRows;
    bool are_sure[kUpsampledRows];
    for (std::size_t i = 0; i < count; ++i) {
      rows.values = given.values + i * values;
      rows.above = given.above + i * words;
      are_sure[i] = compute_values(rows, begin + i);
    }
    for (std::size_t i = 0; i < count; ++i) {
      rows.values = given.values + i * values;
      rows.above = given.above + i * words;
      next = are_sure[i] ? follow_changes(rows, next) : follow_all_cells(rows, next);
      row_ends[begin + i] = static_cast<std::size_t>(next - ends);
    }
  }
}

}  // namespace
}  // namespace framecast::kernels
