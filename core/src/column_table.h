#pragma once

#include <cstddef>

#include "isa.h"
#include "kernels/prepare.h"

namespace framecast {

/// How kernels of `isa` read a plane: `columns` of the region out of rows of `samples` samples of `pixel_bytes` each.
kernels::Gather gather_for(Isa isa, std::size_t samples, std::size_t columns, std::size_t pixel_bytes);

/// How many columns make a block for that.
std::size_t block_for(Isa isa, kernels::Gather gather);

/// Fills the table by the rule, unless it is there already.
void make_columns(const kernels::ColumnRule& rule, kernels::ColumnTable& table);

/// Makes room for tables of so many columns.
void reserve_columns(std::size_t width, kernels::ColumnTable& table);

}  // namespace framecast
