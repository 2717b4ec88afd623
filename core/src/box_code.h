#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <limits>

#include "framecast/box.h"

namespace framecast {

/// x1, y1, x2, y2, or something of each. The compiler's own vectors: every platform's baseline has four floats.
using Corners = float __attribute__((vector_size(16)));

/// A coarse grid of 256 x 256 cells over most of a group's boxes; what lies outside counts to the border.
struct CodeFrame {
  Corners origin;
  Corners scale;
};

/// Cells of the corners, from the lowest byte up. A cell never falls as its corner rises.
inline std::uint32_t encode(Corners corners, const CodeFrame& frame) {
  using Cells = std::int32_t __attribute__((vector_size(16)));
  using Pairs = std::uint64_t __attribute__((vector_size(16)));
  const Corners lowest{}, highest = lowest + 255.0f;
  Corners cell = (corners - frame.origin) * frame.scale;
  cell = cell > lowest ? cell : lowest;  // Also where it is NaN, from infinities that a window begins at.
  cell = cell < highest ? cell : highest;
  const auto pairs = std::bit_cast<Pairs>(__builtin_convertvector(cell, Cells));
  const std::uint64_t low = (pairs[0] | pairs[0] >> 24) & 0xffff, high = (pairs[1] | pairs[1] >> 24) & 0xffff;
  return static_cast<std::uint32_t>(low | high << 16);
}

/// Codes, byte by byte, of the boxes whose IoU with a candidate may be above the threshold.
struct CodeWindow {
  std::uint32_t low;
  std::uint32_t high;

  /// The height of each byte's range. No byte borrows: none of `high` is below that of `low`.
  std::uint32_t span() const { return high - low; }

  /// Whether it has more than `cells` in x1 and y1 as well as in x2 and y2: looking at codes may then only cost.
  bool is_wide(std::uint32_t cells) const {
    return std::min(span() & 255, span() >> 16 & 255) * std::min(span() >> 8 & 255, span() >> 24) > cells;
  }
};

/// Windows for one threshold.
///
/// Let IoU(a, b) > t. The parts of the widths that overlap, o, are at least t times each width, since those of the
/// heights are at most each height. So x1_b <= x2_a - t w_a, and x1_a - x1_b <= w_b - o <= (1 / t - 1) o <=
/// (1 / t - 1) w_a; the same from the right, and for y. For t stands a share of it, less by more than all rounding of
/// areas and IoU. Where areas could lose bits by underflow, or t is small, it only counts that the boxes overlap at
/// all, which comparisons of float32 tell exactly.
class CodeWindows {
 public:
  CodeWindows() = default;
  explicit CodeWindows(float threshold) {
    if (threshold < 0.01f) return;
    const float share = threshold * 0.9999f, reach = (1 - share) / share;
    below_ = Corners{-reach, -reach, share, share};
    above_ = Corners{-share, -share, reach, reach};
    least_area_ = 1e-30f;
  }

  /// For a box of positive and finite width, height and area.
  CodeWindow around(const Box& box, float area, const CodeFrame& frame) const {
    constexpr float kRounding = 4e-7f;  // Of the few operations here, in parts of what they add.
    const Corners near{box.x1, box.y1, box.x1, box.y1}, far{box.x2, box.y2, box.x2, box.y2};
    const Corners extent = far - near;
    const bool overlap_only = area < least_area_;
    const Corners down = extent * (overlap_only ? kBelow : below_), up = extent * (overlap_only ? kAbove : above_);
    return {encode(near + down - kRounding * (size(near) + size(down)), frame),
            encode(far + up + kRounding * (size(far) + size(up)), frame)};
  }

 private:
  static constexpr float kInfinity = std::numeric_limits<float>::infinity();
  static constexpr Corners kBelow{-kInfinity, -kInfinity, 0, 0};
  static constexpr Corners kAbove{0, 0, kInfinity, kInfinity};

  static Corners size(Corners v) { return v < 0 ? -v : v; }

  Corners below_ = kBelow;
  Corners above_ = kAbove;
  float least_area_ = 0;
};

}  // namespace framecast
