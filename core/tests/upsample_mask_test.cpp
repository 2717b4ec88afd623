#include "upsample_mask.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "check.h"
#include "kernels/upsample_mask.h"
#include "random.h"

using namespace framecast;

namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

/// A mask of noise, of few values that lie on the threshold or next to it, or smooth; NaN and infinities in some.
UpsampledMask random_mask(Random& random, std::size_t height, std::size_t width, float threshold) {
  UpsampledMask mask;
  mask.reset(height, width);
  const std::size_t kind = random.below(4);
  for (std::size_t y = 0; y < height; ++y) {
    for (std::size_t x = 0; x < width; ++x) {
      float value = random.uniform(-1, 1);
      if (kind == 1) {
        const float near[] = {threshold, std::nextafter(threshold, 2.0f), std::nextafter(threshold, -2.0f), 0, 1, -1};
        value = near[random.below(6)];
      }
      if (kind == 2) value = std::sin(static_cast<float>(x) * 0.4f) + std::cos(static_cast<float>(y) * 0.3f);
      if (kind == 3 && random.below(20) == 0) value = random.below(2) == 0 ? kNan : 1.0f / 0.0f;
      mask.row(y)[x] = value;
    }
  }
  return mask;
}

struct Rows {
  std::vector<std::uint32_t> ends;
  std::vector<std::size_t> row_ends;

  bool operator==(const Rows&) const = default;
};

Rows upsample(const UpsampledMask& mask, std::size_t height, std::size_t width, float threshold,
              kernels::UpsampleRows kernel) {
  std::vector<std::uint32_t> cell_begin(mask.width + 1);
  for (std::size_t c = 0; c <= mask.width; ++c) {
    const auto* const first = mask.columns.first.data();
    cell_begin[c] =
        static_cast<std::uint32_t>(std::lower_bound(first, first + width, static_cast<std::int32_t>(c)) - first);
  }
  std::vector<float> values(kernels::kUpsampledRows * kernels::upsampled_room(mask.width + 1), kNan);
  std::vector<std::uint64_t> above(kernels::kUpsampledRows * (mask.width / 64 + 1), ~std::uint64_t{0});
  const float margin = std::fabs(threshold) * 0x1p-20f;
  const float sure_above = threshold == 0 ? 0x1p-90f : threshold + margin;
  Rows rows{std::vector<std::uint32_t>(height * (width + 1) + 1), std::vector<std::size_t>(height)};
  kernel({mask.values.data(), mask.stride, mask.height, mask.width, mask.rows.first.data(), mask.rows.weights.data(),
          height, cell_begin.data(), mask.columns.weights.data(), threshold, sure_above, threshold - margin,
          values.data(), above.data()},
         rows.ends.data(), rows.row_ends.data());
  rows.ends.resize(height == 0 ? 0 : rows.row_ends.back());
  return rows;
}

}  // namespace

TEST(kernels_find_the_same_runs) {
  Random random(9);
  for (std::size_t source : {1, 2, 7, 15, 16, 17, 30, 58, 63, 64, 65, 130, 200}) {
    for (int round = 0; round < 60; ++round) {
      const std::size_t height = 1 + random.below(round % 8 == 0 ? 40 : 6);
      const std::size_t width = round % 3 == 0 ? random.below(20) : random.below(900);
      const float threshold = random.below(3) == 0 ? 0 : random.uniform(-1, 1);
      UpsampledMask mask = random_mask(random, 1 + random.below(5), source, threshold);
      const auto begin = static_cast<std::int64_t>(random.below(40));
      const float scale = random.uniform(0.05f, 1.2f) * static_cast<float>(source) / (static_cast<float>(width) + 1);
      mask.columns.sample(begin, width, scale, random.uniform(-3, 3), source);
      mask.rows.sample(0, height, random.uniform(0.1f, 1.1f), 0, mask.height);
      const Rows expected = upsample(mask, height, width, threshold, kernels::upsample_rows_scalar);
      for (Isa isa : {Isa::neon, Isa::avx2, Isa::avx512}) {
        if (!is_supported(isa)) continue;
        CHECK(upsample(mask, height, width, threshold, kernels::upsample_rows_kernel(isa)) == expected);
      }
    }
  }
}

TEST(runs_are_where_the_interpolated_value_is_above) {
  Random random(4);
  UpsampleScratch scratch;
  MaskRuns runs;
  for (int round = 0; round < 200; ++round) {
    const std::size_t source_height = 1 + random.below(20), source_width = 1 + random.below(80);
    const std::size_t height = 1 + random.below(60), width = 1 + random.below(200);
    const float threshold = random.below(3) == 0 ? 0 : random.uniform(-0.5f, 0.5f);
    UpsampledMask mask = random_mask(random, source_height, source_width, threshold);
    mask.rows.sample(0, height, static_cast<float>(source_height) / static_cast<float>(height), 0, source_height);
    mask.columns.sample(0, width, static_cast<float>(source_width) / static_cast<float>(width), 0, source_width);
    runs.clear(0, 0);
    upsample_mask(mask, height, width, threshold, runs, scratch);
    CHECK(runs.rows() == height);
    for (std::size_t y = 0; y < height; ++y) {
      const std::uint32_t* end = runs.ends.data() + runs.row_splits[y];
      const std::uint32_t* const last = runs.ends.data() + runs.row_splits[y + 1];
      bool inside = false;
      for (std::size_t x = 0; x < width; ++x) {
        if (end != last && *end == x) {
          inside = !inside;
          ++end;
        }
        const auto r = static_cast<std::size_t>(mask.rows.first[y]),
                   c = static_cast<std::size_t>(mask.columns.first[x]);
        const float *upper = mask.row(r), *lower = mask.row(std::min(r + 1, source_height - 1));
        const std::size_t d = std::min(c + 1, source_width - 1);
        const float wy = mask.rows.weights[y], wx = mask.columns.weights[x];
        const float left = (1 - wy) * upper[c] + wy * lower[c], right = (1 - wy) * upper[d] + wy * lower[d];
        CHECK(((1 - wx) * left + wx * right > threshold) == inside);
      }
      CHECK(inside ? end + 1 == last && *end == width : end == last);
    }
  }
}

TEST(samples_lie_where_pytorch_has_them) {
  UpsampledAxis axis;
  axis.sample(0, 6, 0.5f, 0, 3);  // Three values on six pixels.
  CHECK(std::vector<std::int32_t>(axis.first.begin(), axis.first.begin() + 6) ==
        (std::vector<std::int32_t>{0, 0, 0, 1, 1, 2}));
  CHECK(std::vector<float>(axis.weights.begin(), axis.weights.begin() + 6) ==
        (std::vector<float>{0, 0.25f, 0.75f, 0.25f, 0.75f, 0.25f}));
  axis.sample(1 << 30, 1, 1e-6f, 0, 3);  // Far beyond the source: its last value.
  CHECK(axis.first[0] == 2 && axis.weights[0] == 1);
}
