#pragma once

#include <cstdint>
#include <vector>

#include "framecast/box.h"

namespace framecast {

/// Scored boxes of a batch of images: image b owns rows splits[b] to splits[b + 1].
///
/// The caller owns it. A decoder clears it and fills it, so a reused one stops allocating once it has grown.
struct Candidates {
  std::vector<Box> boxes;
  std::vector<float> scores;
  std::vector<std::int32_t> classes;
  std::vector<std::int64_t> splits;
  std::vector<std::int64_t> sources;  ///< The row of the network's output; empty from decoders that do not name it.

  void clear() {
    boxes.clear();
    scores.clear();
    classes.clear();
    splits.clear();
    sources.clear();
  }
};

}  // namespace framecast
