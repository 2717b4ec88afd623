#pragma once

#include <cstring>

#include "framecast/candidates.h"

/// Equal to the bit.
inline bool same(const framecast::Candidates& a, const framecast::Candidates& b) {
  auto bits = [](const auto& x, const auto& y) {
    return x.size() == y.size() && (x.empty() || std::memcmp(x.data(), y.data(), x.size() * sizeof(x[0])) == 0);
  };
  return bits(a.boxes, b.boxes) && bits(a.scores, b.scores) && bits(a.classes, b.classes) && bits(a.splits, b.splits) &&
         bits(a.sources, b.sources);
}
