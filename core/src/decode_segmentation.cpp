#include "framecast/decode_segmentation.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "argument.h"
#include "class_filter.h"
#include "values.h"

namespace framecast {
namespace {

constexpr std::size_t kLongestMapSide = 4096;
constexpr std::int32_t kLongestImageSide = 65536;

std::size_t classes_of(const SegmentationOutputs& outputs) { return outputs.channels - outputs.background_first; }

void check(const SegmentationOutputs& outputs, const SegmentationSettings& settings) {
  const std::size_t batch = outputs.regions.size();
  require(outputs.height >= 1 && outputs.height <= kLongestMapSide && outputs.width >= 1 &&
              outputs.width <= kLongestMapSide,
          "logits: height and width must be in [1, 4096]");
  require(outputs.channels >= (outputs.background_first ? 2u : 1u) && outputs.channels <= 65536,
          "logits: must have a channel per class, at most 65536");
  require(outputs.logits.size == batch * outputs.channels * outputs.height * outputs.width,
          "logits: must be [images, channels, height, width]");
  require_quantization(outputs.logits, "logits: must have a positive scale and a zero point of its type");
  for (const MapRegion& region : outputs.regions) {
    const bool finite = std::isfinite(region.x) && std::isfinite(region.y) && std::isfinite(region.width) &&
                        std::isfinite(region.height);
    require(finite && region.width > 0 && region.height > 0, "regions: must be finite, with an area");
  }
  require(outputs.image_sizes.size() == 2 * batch, "image_sizes: must have one row per image");
  for (std::int32_t side : outputs.image_sizes) {
    require(side >= 1 && side <= kLongestImageSide, "image_sizes: must be in [1, 65536]");
  }
  require_selection(settings.score_thresholds, settings.class_filter, batch, classes_of(outputs));
}

/// Between which two values of a map a pixel's centre lies, and how far from the first.
struct Between {
  std::size_t low, high;
  float fraction;
};

Between between(float start, float length, std::int32_t pixels, std::int32_t pixel, std::size_t values) {
  const float place = start + (static_cast<float>(pixel) + 0.5f) * (length / static_cast<float>(pixels)) - 0.5f;
  const auto last = static_cast<float>(values - 1);
  const float inside = std::clamp(place, 0.0f, last);
  const auto low = std::min(static_cast<std::size_t>(inside), values < 2 ? 0 : values - 2);
  return {low, std::min(low + 1, values - 1), inside - static_cast<float>(low)};
}

class Picture {
 public:
  Picture(const SegmentationOutputs& outputs, const SegmentationSettings& settings, std::size_t image,
          SegmentationScratch& scratch, PictureRuns& out, std::span<std::int64_t> areas)
      : outputs_(outputs),
        region_(outputs.regions[image]),
        rows_(outputs.image_sizes[2 * image]),
        columns_(outputs.image_sizes[2 * image + 1]),
        threshold_(settings.score_thresholds[image]),
        scratch_(scratch),
        out_(out),
        areas_(areas) {
    if (!settings.class_filter.empty()) {
      allowed_ = settings.class_filter.subspan(image * areas.size(), areas.size());
    }
    load(image);
  }

  void run() {
    std::fill(areas_.begin(), areas_.end(), 0);
    out_.lengths.clear();
    out_.classes.clear();
    split_columns();
    scratch_.labels.resize(static_cast<std::size_t>(columns_));
    scratch_.best.resize(static_cast<std::size_t>(columns_));
    for (std::int32_t y = 0; y < rows_; ++y) {
      const Between at = between(region_.y, region_.height, rows_, y, outputs_.height);
      for (std::size_t cell = 0; cell + 1 < scratch_.cell_begin.size(); ++cell) label_cell(cell, at);
      append_row();
    }
    for (std::size_t i = 0; i < out_.lengths.size(); ++i) {
      if (out_.classes[i] >= 0) areas_[static_cast<std::size_t>(out_.classes[i])] += out_.lengths[i];
    }
  }

 private:
  void load(std::size_t image) {
    const std::size_t area = outputs_.height * outputs_.width, count = outputs_.channels * area;
    auto& maps = scratch_.maps;
    maps.resize(count);
    with_values(outputs_.logits, [&](auto values) {
      const auto own = values.from(image * count);
      for (std::size_t i = 0; i < count; ++i) maps[i] = own[i];
    });
    auto& corner = scratch_.corner;
    corner.assign(area, 0);
    for (std::size_t i = 0; i < area; ++i) {
      bool finite = std::isfinite(maps[i]);
      for (std::size_t c = 1; c < outputs_.channels; ++c) {
        const float value = maps[c * area + i];
        finite = finite && std::isfinite(value);
        if (value > maps[static_cast<std::size_t>(corner[i]) * area + i]) corner[i] = static_cast<std::int32_t>(c);
      }
      if (!finite) corner[i] = -1;
    }
  }

  /// Pixels between the same two columns of the map lie side by side.
  void split_columns() {
    std::vector<std::uint32_t>& begin = scratch_.cell_begin;
    std::vector<float>& fractions = scratch_.fractions;
    const std::size_t cells = outputs_.width < 2 ? 1 : outputs_.width - 1;
    begin.assign(cells + 1, 0);
    fractions.resize(static_cast<std::size_t>(columns_));
    for (std::int32_t x = 0; x < columns_; ++x) {
      const Between at = between(region_.x, region_.width, columns_, x, outputs_.width);
      fractions[static_cast<std::size_t>(x)] = at.fraction;
      ++begin[at.low + 1];
    }
    for (std::size_t cell = 0; cell < cells; ++cell) begin[cell + 1] += begin[cell];
  }

  void label_cell(std::size_t cell, const Between& row) {
    const std::size_t first = scratch_.cell_begin[cell], last = scratch_.cell_begin[cell + 1];
    if (first == last) return;
    const std::size_t right = std::min(cell + 1, outputs_.width - 1);
    const std::size_t corners[] = {row.low * outputs_.width + cell, row.low * outputs_.width + right,
                                   row.high * outputs_.width + cell, row.high * outputs_.width + right};
    const std::int32_t channel = scratch_.corner[corners[0]];
    // What is highest at all four corners is so everywhere between them.
    const bool agreed = channel >= 0 && scratch_.corner[corners[1]] == channel &&
                        scratch_.corner[corners[2]] == channel && scratch_.corner[corners[3]] == channel;
    if (agreed && threshold_ <= 0) {
      std::fill(scratch_.labels.begin() + static_cast<std::ptrdiff_t>(first),
                scratch_.labels.begin() + static_cast<std::ptrdiff_t>(last), class_of(channel));
      return;
    }
    find_best(corners, row.fraction, first, last);
    if (threshold_ > 0) drop_unsure(first, last);
    for (std::size_t x = first; x < last; ++x) scratch_.labels[x] = class_of(scratch_.labels[x]);
  }

  /// Writes the best channel of pixels first to last, -1 for none, and keeps all values where scores are wanted.
  void find_best(const std::size_t (&corners)[4], float down, std::size_t first, std::size_t last) {
    const std::size_t area = outputs_.height * outputs_.width, count = last - first;
    float* const best = scratch_.best.data() + first;
    std::int32_t* const labels = scratch_.labels.data() + first;
    const float* const across = scratch_.fractions.data() + first;
    std::fill_n(best, count, -std::numeric_limits<float>::infinity());
    std::fill_n(labels, count, -1);
    if (threshold_ > 0) scratch_.values.resize(outputs_.channels * count);
    for (std::size_t c = 0; c < outputs_.channels; ++c) {
      const float* const map = scratch_.maps.data() + c * area;
      const float left = map[corners[0]] + (map[corners[2]] - map[corners[0]]) * down;
      const float right = map[corners[1]] + (map[corners[3]] - map[corners[1]]) * down;
      const float slope = right - left;
      for (std::size_t x = 0; x < count; ++x) {
        const float value = left + slope * across[x];
        const bool higher = value > best[x];
        best[x] = higher ? value : best[x];
        labels[x] = higher ? static_cast<std::int32_t>(c) : labels[x];
      }
      if (threshold_ > 0) {
        for (std::size_t x = 0; x < count; ++x) scratch_.values[c * count + x] = left + slope * across[x];
      }
    }
  }

  void drop_unsure(std::size_t first, std::size_t last) {
    const std::size_t count = last - first;
    for (std::size_t x = 0; x < count; ++x) {
      float sum = 0;
      for (std::size_t c = 0; c < outputs_.channels; ++c) {
        const float value = scratch_.values[c * count + x];
        if (!std::isnan(value)) sum += std::exp(value - scratch_.best[first + x]);
      }
      if (!(1 / sum > threshold_)) scratch_.labels[first + x] = -1;
    }
  }

  std::int32_t class_of(std::int32_t channel) const {
    const std::int32_t found = channel < 0 ? -1 : channel - static_cast<std::int32_t>(outputs_.background_first);
    return found >= 0 && (allowed_.empty() || allowed_[static_cast<std::size_t>(found)] != 0) ? found : -1;
  }

  void append_row() {
    for (std::int32_t label : scratch_.labels) {
      if (out_.classes.empty() || out_.classes.back() != label) {
        out_.classes.push_back(label);
        out_.lengths.push_back(0);
      }
      ++out_.lengths.back();
    }
  }

  const SegmentationOutputs& outputs_;
  const MapRegion region_;
  const std::int32_t rows_, columns_;
  const float threshold_;
  std::span<const std::uint8_t> allowed_;
  SegmentationScratch& scratch_;
  PictureRuns& out_;
  std::span<std::int64_t> areas_;
};

}  // namespace

void decode_segmentation(const SegmentationOutputs& outputs, const SegmentationSettings& settings, LabelRuns& out,
                         SegmentationWorkspace& workspace, ThreadPool* pool) {
  check(outputs, settings);
  const std::size_t batch = outputs.regions.size(), classes = classes_of(outputs);
  out.areas.resize(batch * classes);
  workspace.threads.resize(std::max(workspace.threads.size(), thread_count(pool)));
  workspace.pictures.resize(std::max(workspace.pictures.size(), batch));
  run(pool, batch, [&](std::size_t image, std::size_t thread) {
    const std::span<std::int64_t> areas(out.areas.data() + image * classes, classes);
    Picture(outputs, settings, image, workspace.threads[thread], workspace.pictures[image], areas).run();
  });
  out.splits.assign(1, 0);
  out.lengths.clear();
  out.classes.clear();
  for (std::size_t image = 0; image < batch; ++image) {
    const PictureRuns& picture = workspace.pictures[image];
    out.lengths.insert(out.lengths.end(), picture.lengths.begin(), picture.lengths.end());
    out.classes.insert(out.classes.end(), picture.classes.begin(), picture.classes.end());
    out.splits.push_back(static_cast<std::int64_t>(out.lengths.size()));
  }
}

}  // namespace framecast
