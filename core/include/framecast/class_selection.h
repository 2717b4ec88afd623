#pragma once

#include <cstdint>
#include <span>

namespace framecast {

/// Which classes of which image a decoder lets through.
struct ClassSelection {
  /// [B]; a candidate needs score > threshold. Must not be NaN.
  std::span<const float> score_thresholds;
  /// [B * C] row-major, non-zero = allowed; empty = every class of every image.
  std::span<const std::uint8_t> class_filter;
  /// true: a candidate per class above the threshold; false: only the best allowed class of each position.
  bool multi_label;
};

}  // namespace framecast
