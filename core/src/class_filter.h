#pragma once

#include <cstddef>
#include <cstdint>

#include "argument.h"
#include "framecast/class_selection.h"
#include "framecast/decode_workspace.h"

namespace framecast {

inline void require_selection(std::span<const float> score_thresholds, std::span<const std::uint8_t> class_filter,
                              std::size_t batch, std::size_t classes) {
  require(score_thresholds.size() == batch, "score_thresholds: must have one entry per image");
  require_no_nan(score_thresholds, "score_thresholds: must not be NaN");
  require(class_filter.empty() || class_filter.size() == batch * classes,
          "class_filter: must be None or one row per image, one column per class");
}

/// Lists in the scratch the classes that one image allows, and marks them where not all are.
inline void choose_classes(std::span<const std::uint8_t> class_filter, std::size_t image, std::size_t classes,
                           DecodeScratch& scratch) {
  scratch.classes.clear();
  scratch.allowed.clear();
  const std::uint8_t* row = class_filter.empty() ? nullptr : class_filter.data() + image * classes;
  if (row != nullptr) scratch.allowed.assign((classes + 63) / 64, 0);
  for (std::size_t c = 0; c < classes; ++c) {
    if (row != nullptr && row[c] == 0) continue;
    scratch.classes.push_back(static_cast<std::uint32_t>(c));
    if (row != nullptr) scratch.allowed[c / 64] |= std::uint64_t{1} << (c % 64);
  }
}

}  // namespace framecast
