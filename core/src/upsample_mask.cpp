#include "upsample_mask.h"

#include <algorithm>
#include <cmath>

#include "isa.h"
#include "kernels/upsample_mask.h"

namespace framecast {
namespace {

constexpr std::size_t kRowsAtOnce = 32;

/// Grows `values` to at least `count`, keeping what is there.
template <typename T>
T* room(std::vector<T>& values, std::size_t count) {
  if (values.size() < count) values.resize(count);
  return values.data();
}

/// The values beyond which both of a cell's ends, and so all between them, are surely on one side of the threshold.
///
/// A pixel between two values that are at least v is at least v but for three roundings of 2^-24 each, and for what is
/// lost below the smallest normal number; the margins are wider. Between two values of at most 0 it is at most 0.
struct SureSides {
  explicit SureSides(float threshold) {
    constexpr float kMargin = 0x1p-20f;
    constexpr float kSmall = 0x1p-90f;
    if (std::fabs(threshold) < 0x1p-100f) {
      above = kSmall;
      below = threshold == 0 ? 0 : -kSmall;
    } else {
      above = threshold + std::fabs(threshold) * kMargin;
      below = threshold - std::fabs(threshold) * kMargin;
    }
  }
  float above;
  float below;
};

}  // namespace

void UpsampledAxis::sample(std::int64_t target, std::size_t count, float scale, float offset, std::size_t source_size) {
  std::int32_t* const firsts = room(first, count);
  float* const fractions = room(weights, count + kernels::kUpsampledBlock);
  const auto begin = static_cast<std::int32_t>(target);
  const auto last = static_cast<std::int32_t>(source_size - 1);
  // The farthest that matters, so that the conversion below cannot overflow.
  const auto end = static_cast<float>(source_size);
  for (std::size_t i = 0; i < count; ++i) {
    const float center = static_cast<float>(begin + static_cast<std::int32_t>(i)) + 0.5f;
    const float position = std::min(std::max(0.0f, scale * center - 0.5f + offset), end);
    const std::int32_t at = std::min(static_cast<std::int32_t>(position), last);
    firsts[i] = at;
    fractions[i] = std::min(position - static_cast<float>(at), 1.0f);
  }
}

void UpsampledMask::reset(std::size_t mask_height, std::size_t mask_width) {
  height = mask_height;
  width = mask_width;
  stride = kernels::upsampled_room(mask_width);
  values.assign(height * stride, 0.0f);
}

void upsample_mask(const UpsampledMask& mask, std::size_t height, std::size_t width, float threshold, MaskRuns& runs,
                   UpsampleScratch& scratch) {
  std::uint32_t* const cell_begin = room(scratch.cell_begin, mask.width + 1);
  std::size_t cell = 0;
  for (std::size_t x = 0; x < width; ++x) {
    while (cell <= static_cast<std::size_t>(mask.columns.first[x])) cell_begin[cell++] = static_cast<std::uint32_t>(x);
  }
  while (cell <= mask.width) cell_begin[cell++] = static_cast<std::uint32_t>(width);

  const SureSides sure(threshold);
  kernels::UpsampledRows rows{};
  rows.source = mask.values.data();
  rows.stride = mask.stride;
  rows.source_rows = mask.height;
  rows.cells = mask.width;
  rows.cell_begin = cell_begin;
  rows.column_weights = mask.columns.weights.data();
  rows.threshold = threshold;
  rows.sure_above = sure.above;
  rows.sure_below = sure.below;
  rows.values = room(scratch.values, kernels::kUpsampledRows * kernels::upsampled_room(mask.width + 1));
  rows.above = room(scratch.above, kernels::kUpsampledRows * (mask.width / 64 + 1));
  const kernels::UpsampleRows upsample_rows = kernels::upsample_rows_kernel(active_isa());
  for (std::size_t y = 0; y < height; y += rows.rows) {
    rows.row_first = mask.rows.first.data() + y;
    rows.row_weights = mask.rows.weights.data() + y;
    rows.rows = std::min(height - y, kRowsAtOnce);
    std::size_t row_ends[kRowsAtOnce];
    upsample_rows(rows, runs.begin_rows(rows.rows, width), row_ends);
    runs.end_rows({row_ends, rows.rows});
  }
}

}  // namespace framecast
