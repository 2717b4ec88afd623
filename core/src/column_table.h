#pragma once

#include <cstddef>
#include <span>

#include "isa.h"
#include "kernels/prepare.h"

namespace framecast {

/// A row of one of an image's planes.
struct PlaneRow {
  std::size_t samples;
  std::size_t pixel_bytes;
};

/// How kernels of `isa` best read so many columns of the region out of rows of each of these planes.
kernels::Gather gather_for(Isa isa, std::size_t columns, std::span<const PlaneRow> rows);

/// How many columns make a block for that.
std::size_t block_for(Isa isa, kernels::Gather gather);

/// Fills the table by the rule, unless it is there already.
void make_columns(const kernels::ColumnRule& rule, kernels::ColumnTable& table);

/// Makes room for tables of so many columns.
void reserve_columns(std::size_t width, kernels::ColumnTable& table);

}  // namespace framecast
