#include "trace_rings.h"

#include <cstddef>

#include "check.h"
#include "framecast/polygons_to_mask.h"
#include "random.h"

using namespace framecast;

TEST(outlines_fill_back_to_the_mask) {
  Random random(5);
  TraceWorkspace workspace;
  TracedRings traced;
  MaskCrop crop;
  for (int round = 0; round < 1000; ++round) {
    const std::size_t height = 1 + random.below(20), width = 1 + random.below(20);
    const float density = random.uniform(0, 1);
    std::vector<std::uint8_t> mask(height * width), filled(height * width);
    crop.reset(height, width, 0, 0);
    std::int64_t area = 0;
    for (std::size_t i = 0; i < mask.size(); ++i) {
      mask[i] = random.uniform(0, 1) < density;
      crop.inner_row(i / width)[i % width] = mask[i];
      area += mask[i];
    }
    trace_rings(crop, traced, workspace);
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

TEST(the_crop_lies_where_it_was_taken_from) {
  MaskCrop crop;
  crop.reset(3, 4, -7, 20);
  crop.inner_row(1)[2] = 1;
  TracedRings traced;
  TraceWorkspace workspace;
  trace_rings(crop, traced, workspace);
  CHECK((traced.box == Box{-5, 21, -4, 22}));
  CHECK(traced.points.size() == 4 && traced.ring_splits.size() == 2 && traced.part_splits.size() == 2);
}

TEST(an_empty_crop_has_no_part) {
  MaskCrop crop;
  crop.reset(3, 4, 0, 0);
  TracedRings traced;
  TraceWorkspace workspace;
  trace_rings(crop, traced, workspace);
  CHECK(traced.points.empty() && traced.area == 0 && traced.part_splits.size() == 1);
}
