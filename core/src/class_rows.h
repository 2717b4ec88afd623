#pragma once

#include <cstddef>
#include <cstdint>

#include "framecast/decode_workspace.h"
#include "kernels/score_scan.h"

namespace framecast {

/// Searches a row of `classes` numbers for the allowed ones that reach the bound.
///
/// Calls emit(class, value) by class: for every one, or for the highest alone, ties to the lower class.
template <typename T, typename Emit>
void search_class_row(const kernels::ScoreScan<T>& scan, const Values<T>& row, std::size_t classes, float bound,
                      bool multi_label, DecodeScratch& scratch, Emit&& emit) {
  const std::size_t words = kernels::mark_words(classes);
  if (scratch.marks.size() < words) scratch.marks.resize(words);
  scan.mark(row, classes, bound, scratch.marks.data());
  std::size_t best = classes;
  float highest = 0;
  for (std::size_t word = 0; word < words; ++word) {
    std::uint64_t bits = scratch.marks[word];
    if (!scratch.allowed.empty()) bits &= scratch.allowed[word];
    for (; bits != 0; bits &= bits - 1) {
      const std::size_t c = word * 64 + static_cast<std::size_t>(__builtin_ctzll(bits));
      const float value = row[c];
      if (multi_label) {
        emit(c, value);
      } else if (best == classes || value > highest) {
        best = c;
        highest = value;
      }
    }
  }
  if (best < classes) emit(best, highest);
}

}  // namespace framecast
