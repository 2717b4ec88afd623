#include "trace_rings.h"

#include <cstddef>

#include "check.h"
#include "framecast/polygons_to_mask.h"
#include "kernels/find_runs.h"
#include "random.h"

using namespace framecast;

namespace {

/// The runs of a mask of 0 and 1, at the given place of the image.
MaskRuns runs_of(const std::vector<std::uint8_t>& mask, std::size_t width, std::int64_t left, std::int64_t top) {
  MaskRuns runs;
  runs.clear(left, top);
  for (std::size_t y = 0; y * width < mask.size(); ++y) {
    const std::size_t count = kernels::find_runs_scalar(mask.data() + y * width, width, runs.begin_rows(1, width));
    runs.end_rows({&count, 1});
  }
  return runs;
}

}  // namespace

TEST(outlines_fill_back_to_the_mask) {
  Random random(5);
  TraceScratch scratch;
  TracedRings traced;
  for (int round = 0; round < 1000; ++round) {
    const std::size_t height = 1 + random.below(20), width = 1 + random.below(20);
    const float density = random.uniform(0, 1);
    std::vector<std::uint8_t> mask(height * width), filled(height * width);
    std::int64_t area = 0;
    for (std::size_t i = 0; i < mask.size(); ++i) {
      mask[i] = random.uniform(0, 1) < density;
      area += mask[i];
    }
    trace_rings(runs_of(mask, width, 0, 0), traced, scratch);
    polygons_to_mask(traced.points, traced.ring_splits, height, width, filled);
    CHECK(filled == mask);
    CHECK(traced.area == area);
    for (std::size_t p = 0; p + 1 < traced.part_splits.size(); ++p) {
      for (std::int64_t r = traced.part_splits[p]; r < traced.part_splits[p + 1]; ++r) {
        double doubled = 0;
        const auto begin = static_cast<std::size_t>(traced.ring_splits[static_cast<std::size_t>(r)]);
        const auto end = static_cast<std::size_t>(traced.ring_splits[static_cast<std::size_t>(r) + 1]);
        for (std::size_t i = begin; i < end; ++i) {
          const Point &a = traced.points[i], &b = traced.points[i + 1 < end ? i + 1 : begin];
          doubled += static_cast<double>(a.x) * b.y - static_cast<double>(b.x) * a.y;
        }
        CHECK((doubled > 0) == (r == traced.part_splits[p]));  // One exterior, and it comes first.
      }
    }
  }
}

TEST(every_mask_of_5_by_3_pixels_is_traced_exactly) {
  TraceScratch scratch;
  TracedRings traced;
  std::vector<std::uint8_t> mask(15), filled(15);
  for (std::size_t bits = 0; bits < 1u << 15; ++bits) {
    for (std::size_t i = 0; i < mask.size(); ++i) mask[i] = bits >> i & 1;
    trace_rings(runs_of(mask, 5, 0, 0), traced, scratch);
    polygons_to_mask(traced.points, traced.ring_splits, 3, 5, filled);
    CHECK(filled == mask);
  }
}

TEST(the_rings_lie_where_the_runs_were_taken_from) {
  TracedRings traced;
  TraceScratch scratch;
  trace_rings(runs_of({0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0}, 4, -7, 20), traced, scratch);
  CHECK((traced.box == Box{-5, 21, -4, 22}));
  CHECK(traced.points.size() == 4 && traced.ring_splits.size() == 2 && traced.part_splits.size() == 2);
}

TEST(no_runs_have_no_part) {
  TracedRings traced;
  TraceScratch scratch;
  trace_rings(runs_of(std::vector<std::uint8_t>(12, 0), 4, 0, 0), traced, scratch);
  CHECK(traced.points.empty() && traced.area == 0 && traced.part_splits.size() == 1);
}
