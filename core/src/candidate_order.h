#pragma once

#include <span>

#include "framecast/candidate_order.h"
#include "kernels/falling_key.h"

namespace framecast {

using kernels::falling_key;

/// Fills `order.keys` with the rows whose score is above the threshold and that `takes_part(row)` lets in, sorted by
/// falling score and then rising row. There must be fewer than 2^32 scores.
template <typename TakesPart>
void order_candidates(std::span<const float> scores, float threshold, CandidateOrder& order, TakesPart&& takes_part);

/// Numbers the classes of the ordered candidates; all are in group 0 where `class_agnostic`.
void group_candidates(std::span<const std::int32_t> classes, bool class_agnostic, CandidateOrder& order);

/// Sorts `order.keys`; keys that share their upper half must come in rising order.
void sort_keys(CandidateOrder& order);

template <typename TakesPart>
void order_candidates(std::span<const float> scores, float threshold, CandidateOrder& order, TakesPart&& takes_part) {
  order.keys.resize(scores.size());
  std::size_t count = 0;
  for (std::size_t row = 0; row < scores.size(); ++row) {
    if (!(scores[row] > threshold) || !takes_part(row)) continue;
    order.keys[count++] = std::uint64_t{falling_key(scores[row])} << 32 | row;
  }
  order.keys.resize(count);
  sort_keys(order);
}

}  // namespace framecast
