#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "framecast/decode_workspace.h"
#include "kernels/score_scan.h"
#include "top_keys.h"

namespace framecast {

/// Leaves in the scratch's keys the `limit` best of `count` logits [rows, classes], sorted, each with its index.
///
/// score_of(index, logit) ranks; what is not above the threshold stays out. bound_of(score) is a logit below which no
/// score can exceed `score`: as the worst of the best rises, fewer and fewer logits are looked at one by one.
template <typename T, typename ScoreOf, typename BoundOf>
void find_top_logits(const kernels::ScoreScan<T>& scan, const Values<T>& logits, std::size_t count, std::size_t classes,
                     float threshold, std::size_t limit, DecodeScratch& scratch, ScoreOf&& score_of,
                     BoundOf&& bound_of) {
  constexpr std::size_t kAtOnce = std::size_t{1} << 14;
  auto& keys = scratch.keys;
  keys.clear();
  if (scratch.marks.size() < kAtOnce / 64) scratch.marks.resize(kAtOnce / 64);
  float bound = bound_of(threshold);
  for (std::size_t first = 0; first < count; first += kAtOnce) {
    const std::size_t length = std::min(kAtOnce, count - first);
    scan.mark(logits.from(first), length, bound, scratch.marks.data());
    for (std::size_t word = 0; word < kernels::mark_words(length); ++word) {
      for (std::uint64_t bits = scratch.marks[word]; bits != 0; bits &= bits - 1) {
        const std::size_t index = first + word * 64 + static_cast<std::size_t>(__builtin_ctzll(bits));
        if (!scratch.allowed.empty()) {
          const std::size_t c = index % classes;
          if ((scratch.allowed[c / 64] >> (c % 64) & 1) == 0) continue;
        }
        const float score = score_of(index, logits[index]);
        if (score > threshold) keys.push_back(falling_key(score, static_cast<std::uint32_t>(index)));
      }
    }
    if (!is_crowded(keys, limit)) continue;
    keep_first(keys, limit);
    if (keys.empty()) return;
    // An equal score that comes later is behind: what is left must be higher.
    threshold = number_of(*std::max_element(keys.begin(), keys.end()));
    bound = bound_of(threshold);
  }
  keep_first(keys, limit);
  std::sort(keys.begin(), keys.end());
}

}  // namespace framecast
