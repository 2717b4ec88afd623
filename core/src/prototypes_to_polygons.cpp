#include "framecast/prototypes_to_polygons.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "argument.h"
#include "isa.h"
#include "kernels/combine_prototypes.h"
#include "mask_workspace.h"

namespace framecast {
namespace {

constexpr std::int64_t kLargestImage = 1 << 24;

/// How one axis of the source image lies on the prototypes.
struct Axis {
  /// `region_begin` and `region_size` in pixels of the network's input.
  Axis(std::int32_t region_begin, std::int32_t region_size, std::int32_t input_size, std::size_t prototype_size,
       std::int32_t image_size)
      : pixels(image_size) {
    // Multiplied first, so that what is whole stays whole.
    const auto zoomed = [&](double at) { return at * static_cast<double>(prototype_size) / input_size; };
    const double begin = zoomed(region_begin);
    const double size = zoomed(region_size);
    const double end = zoomed(static_cast<double>(region_begin) + region_size);
    first = static_cast<std::size_t>(begin);
    count = static_cast<std::size_t>(std::ceil(end)) - first;
    scale = static_cast<float>(size) / static_cast<float>(image_size);
    offset = static_cast<float>(begin - static_cast<double>(first));
  }

  std::int64_t pixels;  ///< Of the source image.
  std::size_t first;    ///< The first prototype pixel that the image touches,
  std::size_t count;    ///< and how many.
  float scale;          ///< Prototype pixels per source pixel.
  float offset;         ///< Where the image begins in the first one.
};

/// Pixels begin to end, of the source or of the prototypes.
struct Range {
  std::int64_t begin;
  std::int64_t end;
};

/// The pixels j of [0, limit) with low <= j < high; none where a number is NaN.
Range pixels_within(double low, double high, std::int64_t limit) {
  if (!(low < high)) return {0, 0};
  const auto last = static_cast<double>(limit);
  return {static_cast<std::int64_t>(std::ceil(std::clamp(low, 0.0, last))),
          static_cast<std::int64_t>(std::ceil(std::clamp(high, 0.0, last)))};
}

/// The source pixels that interpolate a prototype pixel of the range; a few more do no harm.
Range pixels_that_see(const Range& prototypes, const Axis& axis) {
  if (prototypes.begin >= prototypes.end) return {0, 0};
  auto pixel_at = [&axis](double position) { return (position - axis.offset + 0.5) / axis.scale - 0.5; };
  return pixels_within(pixel_at(static_cast<double>(prototypes.begin) - 1) - 2,
                       pixel_at(static_cast<double>(prototypes.end)) + 2, axis.pixels);
}

/// Fills one axis of the upsampled mask; returns the prototype pixels, counted from the axis's first, that it needs.
Range sample(const Axis& axis, const Range& pixels, UpsampledAxis& out) {
  const auto count = static_cast<std::size_t>(pixels.end - pixels.begin);
  out.sample(pixels.begin, count, axis.scale, axis.offset, axis.count);
  const std::int32_t begin = out.first[0];
  const std::int64_t last = out.first[count - 1];
  for (std::size_t i = 0; i < count; ++i) out.first[i] -= begin;
  return {begin, std::min(last + 2, static_cast<std::int64_t>(axis.count))};
}

float sigmoid(float value) { return 1 / (1 + std::exp(-value)); }

bool make_runs(const PrototypeMasks& masks, const PrototypeSettings& settings, std::size_t image, std::size_t instance,
               kernels::CombinePrototypes combine, MaskScratch& scratch) {
  const std::int32_t* const region = masks.regions.data() + 4 * image;
  const std::int32_t* const image_size = masks.image_sizes.data() + 2 * image;
  const Axis across(region[0], region[2], masks.input_width, masks.width, image_size[1]);
  const Axis down(region[1], region[3], masks.input_height, masks.height, image_size[0]);
  const Box& box = masks.boxes[instance];
  Range columns = pixels_within(box.x1, box.x2, across.pixels);
  Range rows = pixels_within(box.y1, box.y2, down.pixels);
  // In prototype pixels, counted from those of the axes.
  Range kept_columns{0, static_cast<std::int64_t>(across.count)};
  Range kept_rows{0, static_cast<std::int64_t>(down.count)};
  if (settings.crop_prototypes) {
    auto place = [](float at, const Axis& axis) { return static_cast<double>(at) * axis.scale + axis.offset; };
    kept_columns = pixels_within(place(box.x1, across), place(box.x2, across), kept_columns.end);
    kept_rows = pixels_within(place(box.y1, down), place(box.y2, down), kept_rows.end);
    columns = pixels_that_see(kept_columns, across);
    rows = pixels_that_see(kept_rows, down);
  }
  if (columns.begin >= columns.end || rows.begin >= rows.end) return false;

  UpsampledMask& mask = scratch.paste.mask;
  const Range used_columns = sample(across, columns, mask.columns);
  const Range used_rows = sample(down, rows, mask.rows);
  mask.reset(static_cast<std::size_t>(used_rows.end - used_rows.begin),
             static_cast<std::size_t>(used_columns.end - used_columns.begin));
  const Range filled_columns{std::max(used_columns.begin, kept_columns.begin),
                             std::min(used_columns.end, kept_columns.end)};
  const std::size_t plane = masks.height * masks.width;
  const float* const prototypes = masks.prototypes.data() + image * masks.count * plane;
  const float* const coefficients = masks.coefficients.data() + instance * masks.count;
  if (filled_columns.begin < filled_columns.end) {
    for (std::int64_t r = std::max(used_rows.begin, kept_rows.begin); r < std::min(used_rows.end, kept_rows.end); ++r) {
      const std::size_t row = down.first + static_cast<std::size_t>(r);
      const std::size_t column = across.first + static_cast<std::size_t>(filled_columns.begin);
      float* const out =
          mask.row(static_cast<std::size_t>(r - used_rows.begin)) + (filled_columns.begin - used_columns.begin);
      const auto width = static_cast<std::size_t>(filled_columns.end - filled_columns.begin);
      // Of no prototypes the sum is 0, and there is no memory to point into.
      if (masks.count > 0) {
        combine({prototypes + row * masks.width + column, plane, coefficients, masks.count, width, out});
      }
      if (settings.sigmoid) std::transform(out, out + width, out, sigmoid);
    }
  }
  scratch.runs.clear(columns.begin, rows.begin);
  upsample_mask(mask, static_cast<std::size_t>(rows.end - rows.begin),
                static_cast<std::size_t>(columns.end - columns.begin), settings.threshold, scratch.runs,
                scratch.paste.upsample);
  return true;
}

/// Whether count * a * b * c is `size`, without overflow.
bool is_product(std::size_t size, std::size_t a, std::size_t b, std::size_t c, std::size_t d) {
  for (std::size_t factor : {a, b, c, d}) {
    if (factor == 0) return size == 0;
    if (size % factor != 0) return false;
    size /= factor;
  }
  return size == 1;
}

void check(const PrototypeMasks& masks, const PrototypeSettings& settings, std::span<const float> rdp_thresholds) {
  const std::size_t instances = masks.boxes.size();
  require_splits(masks.splits, instances, "splits");
  const std::size_t images = masks.splits.size() - 1;
  require((masks.height > 0 && masks.width > 0) || instances == 0, "prototypes: must not be empty");
  require(masks.height <= kLargestImage && masks.width <= kLargestImage, "prototypes: must be at most 2^24 on a side");
  require(is_product(masks.prototypes.size(), images, masks.count, masks.height, masks.width),
          "prototypes: must be [images, count, height, width]");
  require(is_product(masks.coefficients.size(), instances, masks.count, 1, 1),
          "coefficients: must be [boxes, prototypes]");
  require(masks.image_sizes.size() == 2 * images, "image_sizes: must have one row per image");
  for (std::int32_t size : masks.image_sizes) {
    require(size > 0 && size <= kLargestImage, "image_sizes: must be in [1, 2^24]");
  }
  for (std::int32_t size : {masks.input_height, masks.input_width}) {
    require(size > 0 && size <= kLargestImage, "input_size: must be in [1, 2^24]");
  }
  require(masks.regions.size() == 4 * images, "regions: must have one row per image");
  for (std::size_t b = 0; b < images; ++b) {
    const std::int32_t* const region = masks.regions.data() + 4 * b;
    require(region[0] >= 0 && region[1] >= 0 && region[2] > 0 && region[3] > 0 &&
                std::int64_t{region[0]} + region[2] <= masks.input_width &&
                std::int64_t{region[1]} + region[3] <= masks.input_height,
            "regions: must not be empty and lie inside the input");
  }
  require(std::isfinite(settings.threshold), "threshold: must be finite");
  require(!settings.crop_prototypes || settings.threshold >= 0, "threshold: must not be negative with crop_prototypes");
  require(rdp_thresholds.size() == instances, "rdp_thresholds: must have one entry per box");
  require_lengths(rdp_thresholds, "rdp_thresholds: must be finite and not negative");
}

}  // namespace

void prototypes_to_polygons(const PrototypeMasks& masks, const PrototypeSettings& settings,
                            std::span<const float> rdp_thresholds, Polygons& out, MaskWorkspace& workspace,
                            ThreadPool* pool) {
  check(masks, settings, rdp_thresholds);
  const kernels::CombinePrototypes combine = kernels::combine_prototypes_kernel(active_isa());
  outline_instances(rdp_thresholds, out, workspace, pool, [&](std::size_t k, MaskScratch& scratch) {
    const auto after = std::upper_bound(masks.splits.begin(), masks.splits.end(), static_cast<std::int64_t>(k));
    const auto image = static_cast<std::size_t>(after - masks.splits.begin()) - 1;
    return make_runs(masks, settings, image, k, combine, scratch);
  });
}

}  // namespace framecast
