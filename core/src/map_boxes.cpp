#include "framecast/map_boxes.h"

#include <algorithm>
#include <cmath>

#include "argument.h"

namespace framecast {
namespace {

void check(const PlacedBoxes& placed) {
  require_splits(placed.splits, placed.rows.size(), "splits");
  const std::size_t images = placed.splits.size() - 1;
  require(placed.placements.size() == images, "placements: must have one row per image");
  require(placed.image_sizes.size() == 2 * images, "image_sizes: must have one row per image");
  for (const Placement& place : placed.placements) {
    require(std::isfinite(place.x) && std::isfinite(place.y) && std::isfinite(place.scale_x) &&
                std::isfinite(place.scale_y) && place.scale_x > 0 && place.scale_y > 0,
            "placements: must be finite, scales above 0");
  }
  for (std::int32_t side : placed.image_sizes) require(side >= 0, "image_sizes: must not be negative");
  bool ok = true;
  for (std::int64_t row : placed.rows) ok &= static_cast<std::uint64_t>(row) < placed.boxes.size();
  require(ok, "rows: must be rows of boxes");
}

/// NaN becomes a border; such a box is dropped before anyone sees it.
float clamp(float value, float limit) { return std::min(value > 0 ? value : 0.0f, limit); }

/// Writes the boxes of one image that are seen, and their rows, and returns how many.
std::size_t map_image(const PlacedBoxes& placed, std::size_t image, bool clip, Box* boxes, std::int64_t* rows) {
  const Placement& place = placed.placements[image];
  const auto height = static_cast<float>(placed.image_sizes[2 * image]);
  const auto width = static_cast<float>(placed.image_sizes[2 * image + 1]);
  std::size_t count = 0;
  for (std::int64_t i = placed.splits[image]; i < placed.splits[image + 1]; ++i) {
    const std::int64_t row = placed.rows[static_cast<std::size_t>(i)];
    const Box& box = placed.boxes[static_cast<std::size_t>(row)];
    const Box whole{(box.x1 - place.x) / place.scale_x, (box.y1 - place.y) / place.scale_y,
                    (box.x2 - place.x) / place.scale_x, (box.y2 - place.y) / place.scale_y};
    const Box inside{clamp(whole.x1, width), clamp(whole.y1, height), clamp(whole.x2, width), clamp(whole.y2, height)};
    boxes[count] = clip ? inside : whole;
    rows[count] = row;
    // The comparisons of the unclipped corners are false for NaN.
    count += (inside.x2 > inside.x1) & (inside.y2 > inside.y1) & (whole.x2 > whole.x1) & (whole.y2 > whole.y1);
  }
  return count;
}

}  // namespace

void map_boxes(const PlacedBoxes& placed, bool clip, SourceBoxes& out, ThreadPool* pool) {
  check(placed);
  out.boxes.resize(placed.rows.size());
  out.rows.resize(placed.rows.size());
  out.splits.assign(placed.splits.size(), 0);
  // Each image writes where its rows lie; then the gaps are closed.
  run(pool, placed.placements.size(), [&](std::size_t image, std::size_t) {
    const auto first = placed.splits[image];
    out.splits[image + 1] =
        static_cast<std::int64_t>(map_image(placed, image, clip, out.boxes.data() + first, out.rows.data() + first));
  });
  for (std::size_t image = 0; image < placed.placements.size(); ++image) {
    const std::int64_t count = out.splits[image + 1];
    std::copy_n(out.boxes.data() + placed.splits[image], count, out.boxes.data() + out.splits[image]);
    std::copy_n(out.rows.data() + placed.splits[image], count, out.rows.data() + out.splits[image]);
    out.splits[image + 1] = out.splits[image] + count;
  }
  out.boxes.resize(static_cast<std::size_t>(out.splits.back()));
  out.rows.resize(out.boxes.size());
}

}  // namespace framecast
