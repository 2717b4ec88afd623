#pragma once

#include <cstddef>

#include "argument.h"
#include "framecast/class_selection.h"

namespace framecast {

inline void require_selection(std::span<const float> score_thresholds, std::span<const std::uint8_t> class_filter,
                              std::size_t batch, std::size_t classes) {
  require(score_thresholds.size() == batch, "score_thresholds: must have one entry per image");
  require_no_nan(score_thresholds, "score_thresholds: must not be NaN");
  require(class_filter.empty() || class_filter.size() == batch * classes,
          "class_filter: must be None or one row per image, one column per class");
}

/// The row of a class filter that belongs to one image.
class AllowedClasses {
 public:
  AllowedClasses(std::span<const std::uint8_t> class_filter, std::size_t image, std::size_t classes)
      : row_(class_filter.empty() ? nullptr : class_filter.data() + image * classes) {}

  bool operator[](std::size_t index) const { return row_ == nullptr || row_[index] != 0; }

 private:
  const std::uint8_t* row_;
};

}  // namespace framecast
