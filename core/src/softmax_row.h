#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "class_rows.h"
#include "framecast/decode_workspace.h"
#include "kernels/score_scan.h"
#include "sigmoid.h"

namespace framecast {

/// Calls emit(class, score) by class for the allowed classes whose softmax exceeds the threshold, in a row of logits
/// with the background first; classes count from 0 without it. `lowest` is lowest_logit(threshold).
///
/// A row with a NaN or +inf logit passes nothing.
template <typename T, typename Emit>
void search_softmax_row(const kernels::ScoreScan<T>& scan, const Values<T>& logits, std::size_t classes,
                        float threshold, float lowest, DecodeScratch& scratch, Emit&& emit) {
  // A softmax is at most the sigmoid of its distance from the background. Most rows show background and end here,
  // without an exponential.
  const float bound = logits[0] + lowest;
  float largest = 0;
  float sum = -1;
  search_class_row(scan, logits.from(1), classes, bound, true, scratch, [&](std::size_t c, float logit) {
    if (sum < 0) {
      largest = logits[0];
      for (std::size_t i = 1; i <= classes; ++i) largest = std::max(largest, logits[i]);
      sum = 0;  // NaN, and inf - inf, end up here and make every score of the row NaN.
      for (std::size_t i = 0; i <= classes; ++i) sum += std::exp(logits[i] - largest);
    }
    const float score = std::exp(logit - largest) / sum;
    if (score > threshold) emit(c, score);
  });
}

}  // namespace framecast
