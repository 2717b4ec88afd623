#include "framecast/prepare.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "argument.h"
#include "isa.h"
#include "kernels/prepare.h"

namespace framecast {
namespace {

void check(std::span<const ImageView> images, std::span<const Region> regions, const PrepareSettings& settings,
           std::span<const float> out, std::size_t height, std::size_t width) {
  require(regions.size() == images.size(), "regions: must have one row per image");
  require(out.size() == images.size() * 3 * height * width, "out: must be [images, 3, height, width]");
  for (const ImageView& image : images) require(image.height > 0 && image.width > 0, "images: must not be empty");
  for (const Region& region : regions) {
    require(region.x >= 0 && region.y >= 0 && region.width > 0 && region.height > 0 &&
                static_cast<std::size_t>(region.x) + static_cast<std::size_t>(region.width) <= width &&
                static_cast<std::size_t>(region.y) + static_cast<std::size_t>(region.height) <= height,
            "regions: must be non-empty and inside the output");
  }
  auto finite = [](const std::array<float, 3>& values) {
    return std::isfinite(values[0]) && std::isfinite(values[1]) && std::isfinite(values[2]);
  };
  require(finite(settings.gain), "gain: must be finite");
  require(finite(settings.bias), "bias: must be finite");
  require(finite(settings.pad), "pad: must be finite");
}

/// Where a target pixel lies between two source pixels.
struct Sample {
  std::size_t first;
  std::size_t second;
  float weight;  ///< Of `second`.
};

Sample sample(std::size_t target, std::size_t source_size, std::size_t target_size) {
  // Coordinates in double: a float32 of a few thousand pixels is off by 1e-4 of a pixel.
  const double scale = static_cast<double>(source_size) / static_cast<double>(target_size);
  const double position =
      std::clamp((static_cast<double>(target) + 0.5) * scale - 0.5, 0.0, static_cast<double>(source_size - 1));
  const auto first = static_cast<std::size_t>(position);
  return {first, std::min(first + 1, source_size - 1), static_cast<float>(position - static_cast<double>(first))};
}

/// Fills the workspace's columns and weights for a region of `width` columns.
void sample_columns(std::size_t image_width, std::size_t width, PrepareWorkspace& workspace) {
  workspace.columns.resize(2 * width);
  workspace.weights.resize(width);
  workspace.offsets.resize(width);
  for (std::size_t x = 0; x < width; ++x) {
    const Sample column = sample(x, image_width, width);
    workspace.columns[2 * x] = 3 * column.first;
    workspace.columns[2 * x + 1] = 3 * column.second;
    workspace.weights[x] = column.weight;
    workspace.offsets[x] = static_cast<std::uint32_t>(3 * column.first);
  }
}

/// Resized source rows, the last two kept: neighbouring target rows mostly share them.
class ResizedRows {
 public:
  ResizedRows(const ImageView& image, std::size_t width, PrepareWorkspace& workspace)
      : image_(image), width_(width), workspace_(workspace) {
    workspace.rows.resize(2 * 3 * width);
  }

  /// Planes of 3 * width floats; valid until the call after the next one for another row.
  const float* get(std::size_t row) {
    // Rows come in rising order, and two neighbours never share a slot.
    const std::size_t slot = row % 2;
    float* planes = workspace_.rows.data() + slot * 3 * width_;
    if (held_[slot] != row) {
      kernels::resize_row_scalar(image_.pixels + static_cast<std::ptrdiff_t>(row) * image_.row_stride,
                                 workspace_.columns.data(), workspace_.weights.data(), width_, planes);
      held_[slot] = row;
    }
    return planes;
  }

 private:
  const ImageView& image_;
  std::size_t width_;
  PrepareWorkspace& workspace_;
  std::size_t held_[2] = {std::numeric_limits<std::size_t>::max(), std::numeric_limits<std::size_t>::max()};
};

/// One output channel of one image.
struct Plane {
  float* values;
  std::size_t height;
  std::size_t width;
};

void pad_around(const Plane& plane, const Region& region, float value) {
  const auto left = static_cast<std::size_t>(region.x);
  const auto right = left + static_cast<std::size_t>(region.width);
  const auto top = static_cast<std::size_t>(region.y);
  const auto bottom = top + static_cast<std::size_t>(region.height);
  std::fill(plane.values, plane.values + top * plane.width, value);
  for (std::size_t y = top; y < bottom; ++y) {
    float* row = plane.values + y * plane.width;
    std::fill(row, row + left, value);
    std::fill(row + right, row + plane.width, value);
  }
  std::fill(plane.values + bottom * plane.width, plane.values + plane.height * plane.width, value);
}

/// Where one image goes.
struct Target {
  float* planes;
  std::size_t height;
  std::size_t width;
  Region region;

  float* row(std::size_t channel, std::size_t y) const {
    return planes + (channel * height + static_cast<std::size_t>(region.y) + y) * width +
           static_cast<std::size_t>(region.x);
  }
};

/// The reference: rows resized across, then blended.
void prepare_plainly(const ImageView& image, const Target& target, const PrepareSettings& settings,
                     PrepareWorkspace& workspace) {
  const auto width = static_cast<std::size_t>(target.region.width);
  const auto height = static_cast<std::size_t>(target.region.height);
  ResizedRows rows(image, width, workspace);
  for (std::size_t y = 0; y < height; ++y) {
    const Sample line = sample(y, image.height, height);
    const float* upper = rows.get(line.first);
    const float* lower = rows.get(line.second);
    for (std::size_t c = 0; c < 3; ++c) {
      const std::size_t source = (settings.reverse_channels ? 2 - c : c) * width;
      kernels::blend_rows_scalar(upper + source, lower + source, line.weight, settings.round_to_uint8, settings.gain[c],
                                 settings.bias[c], width, target.row(c, y));
    }
  }
}

using RowKernel = void (*)(const kernels::PreparedRow&);

/// The fastest kernel for such rows; null where only the reference will do.
RowKernel row_kernel([[maybe_unused]] std::size_t image_width,
                     [[maybe_unused]] std::span<const std::uint32_t> offsets) {
#if defined(__x86_64__)
  constexpr std::size_t kWidest = std::numeric_limits<std::uint32_t>::max() / 3;
  const std::size_t width = offsets.size();
  if (width < kernels::kPreparedRowWidth || 3 * image_width < kernels::kPreparedRowBytes || image_width > kWidest) {
    return nullptr;
  }
  if (active_isa() == Isa::avx512) {
    std::size_t reach = 0;
    for (std::size_t x = 0; x + kernels::kPreparedRowWidth <= width; ++x) {
      reach = std::max<std::size_t>(reach, offsets[x + kernels::kPreparedRowWidth - 1] - offsets[x] + 6);
    }
    return reach <= kernels::kPreparedRowReach ? kernels::prepare_row_avx512 : kernels::prepare_row_avx2;
  }
  if (active_isa() == Isa::avx2) return kernels::prepare_row_avx2;
#endif
  return nullptr;
}

void prepare_by_rows(const ImageView& image, const Target& target, const PrepareSettings& settings, RowKernel kernel,
                     PrepareWorkspace& workspace) {
  const auto height = static_cast<std::size_t>(target.region.height);
  kernels::PreparedRow row{};
  row.row_bytes = 3 * image.width;
  row.offsets = workspace.offsets.data();
  row.weights = workspace.weights.data();
  row.width = static_cast<std::size_t>(target.region.width);
  row.round_to_uint8 = settings.round_to_uint8;
  for (std::size_t y = 0; y < height; ++y) {
    const Sample line = sample(y, image.height, height);
    row.upper = image.pixels + static_cast<std::ptrdiff_t>(line.first) * image.row_stride;
    row.lower = image.pixels + static_cast<std::ptrdiff_t>(line.second) * image.row_stride;
    row.weight = line.weight;
    for (std::size_t c = 0; c < 3; ++c) {
      const std::size_t source = settings.reverse_channels ? 2 - c : c;
      row.out[source] = target.row(c, y);
      row.gain[source] = settings.gain[c];
      row.bias[source] = settings.bias[c];
    }
    kernel(row);
  }
}

}  // namespace

void prepare(std::span<const ImageView> images, std::span<const Region> regions, const PrepareSettings& settings,
             std::span<float> out, std::size_t height, std::size_t width, PrepareWorkspace& workspace) {
  check(images, regions, settings, out, height, width);
  for (std::size_t b = 0; b < images.size(); ++b) {
    const Region& region = regions[b];
    const auto region_width = static_cast<std::size_t>(region.width);
    float* planes = out.data() + b * 3 * height * width;
    for (std::size_t c = 0; c < 3; ++c) {
      pad_around({planes + c * height * width, height, width}, region, settings.pad[c]);
    }
    sample_columns(images[b].width, region_width, workspace);
    const Target target{planes, height, width, region};
    if (RowKernel kernel = row_kernel(images[b].width, workspace.offsets)) {
      prepare_by_rows(images[b], target, settings, kernel, workspace);
    } else {
      prepare_plainly(images[b], target, settings, workspace);
    }
  }
}

}  // namespace framecast
