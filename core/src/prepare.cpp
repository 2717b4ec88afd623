#include "framecast/prepare.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "argument.h"
#include "column_table.h"
#include "isa.h"
#include "kernels/prepare.h"
#include "line_sample.h"
#include "yuv_to_rgb.h"

namespace framecast {

/// What one thread needs for one band of one image at a time.
struct PrepareScratch {
  kernels::ColumnTable columns;         ///< Kept, since a video's images are all of one size.
  kernels::ColumnTable chroma_columns;  ///< As these.
  std::vector<float> rows;              ///< Of values on their way to another type, layout or direction.
};

PrepareWorkspace::PrepareWorkspace() = default;
PrepareWorkspace::~PrepareWorkspace() = default;

namespace {

using kernels::Gather;
using kernels::PreparedRow;
using kernels::PrepareKernels;
using kernels::Siting;
using kernels::Source;

constexpr std::size_t kLargestSide = std::size_t{1} << 28;  // Byte offsets in a row have 32 bits.
constexpr std::size_t kStrip = 16;                          // Lines that are transposed at a time.
constexpr std::size_t kSmallestBand = 32;

bool is_yuv(const ImageView& image) { return image.format == PixelFormat::i420 || image.format == PixelFormat::nv12; }

bool is_transposed(const ImageView& image) { return image.orientation > 4; }

void check(std::span<const ImageView> images, std::span<const Region> regions, const PrepareSettings& settings,
           const BatchTensor& out) {
  require(regions.size() == images.size(), "regions: must have one row per image");
  require(out.images == images.size(), "out: must have one slot per image");
  require(out.images < 2 || static_cast<std::size_t>(std::abs(out.image_stride)) >= 3 * out.height * out.width,
          "out: slots must not overlap");
  for (const ImageView& image : images) {
    require(image.height > 0 && image.width > 0, "images: must not be empty");
    require(image.height <= kLargestSide && image.width <= kLargestSide, "images: sides must be at most 2^28");
    require(image.orientation >= 1 && image.orientation <= 8, "orientations: must be in [1, 8]");
  }
  for (const Region& region : regions) {
    require(region.x >= 0 && region.y >= 0 && region.width > 0 && region.height > 0 &&
                static_cast<std::size_t>(region.x) + static_cast<std::size_t>(region.width) <= out.width &&
                static_cast<std::size_t>(region.y) + static_cast<std::size_t>(region.height) <= out.height,
            "regions: must be non-empty and inside the output");
  }
  auto finite = [](const std::array<float, 3>& values) {
    return std::isfinite(values[0]) && std::isfinite(values[1]) && std::isfinite(values[2]);
  };
  require(finite(settings.gain), "gain: must be finite");
  require(finite(settings.bias), "bias: must be finite");
  require(finite(settings.pad), "pad: must be finite");
}

const PrepareKernels& kernels_for(Isa isa) {
  switch (isa) {
#if defined(__x86_64__)
    case Isa::avx512:
      return kernels::kPrepareAvx512;
    case Isa::avx2:
      return kernels::kPrepareAvx2;
#endif
#if defined(__aarch64__)
    case Isa::neon:
      return kernels::kPrepareNeon;
#endif
    default:
      return kernels::kPrepareScalar;
  }
}

/// One image's place in the output.
class Slot {
 public:
  Slot(const BatchTensor& out, std::size_t image, const PrepareKernels& kernel)
      : out_(out),
        kernel_(kernel),
        data_(static_cast<std::uint8_t*>(out.data) +
              static_cast<std::ptrdiff_t>(image) * out.image_stride * static_cast<std::ptrdiff_t>(element_bytes())) {}

  /// Whether rows of float32 values may be written where they belong.
  bool takes_floats() const { return out_.type == ElementType::float32 && out_.layout == Layout::nchw; }

  float* floats(std::size_t channel, std::size_t y, std::size_t x) const {
    return reinterpret_cast<float*>(at(channel, y, x));
  }

  /// Whether columns that are aligned in one row are so in every row and channel.
  bool rows_align(std::size_t bytes) const { return out_.width * sizeof(float) % bytes == 0; }

  void store(const kernels::StoredRow& row, std::size_t y, std::size_t x) const {
    if (out_.layout == Layout::nhwc) {
      std::uint8_t* to = at(0, y, x);
      switch (out_.type) {
        case ElementType::float32:
          return kernel_.interleave_floats(row, reinterpret_cast<float*>(to));
        case ElementType::float16:
          return kernel_.interleave_halves(row, reinterpret_cast<Half*>(to));
        case ElementType::uint8:
          return kernel_.interleave_bytes(row, to);
      }
    }
    for (std::size_t c = 0; c < 3; ++c) {
      std::uint8_t* to = at(c, y, x);
      switch (out_.type) {
        case ElementType::float32:
          std::memcpy(to, row.values[c], row.width * sizeof(float));
          break;
        case ElementType::float16:
          kernel_.store_halves(row.values[c], row.width, reinterpret_cast<Half*>(to));
          break;
        case ElementType::uint8:
          kernel_.store_bytes(row.values[c], row.width, to);
          break;
      }
    }
  }

  /// Writes the padding of the rows [begin, end).
  void pad(const Region& region, const std::array<float, 3>& values, std::size_t begin, std::size_t end) const {
    const auto left = static_cast<std::size_t>(region.x), right = left + static_cast<std::size_t>(region.width);
    const auto top = std::clamp(static_cast<std::size_t>(region.y), begin, end);
    const auto bottom =
        std::clamp(static_cast<std::size_t>(region.y) + static_cast<std::size_t>(region.height), begin, end);
    const std::size_t channels = out_.layout == Layout::nhwc ? 1 : 3;
    for (std::size_t c = 0; c < channels; ++c) {
      std::uint8_t pattern[kernels::kFillPattern];
      make_pattern(values, c, pattern);
      auto fill = [&](std::size_t y, std::size_t x, std::size_t pixels) {
        if (pixels > 0) kernel_.fill(pattern, pixels * pixel_bytes(), at(c, y, x));
      };
      fill(begin, 0, (top - begin) * out_.width);
      for (std::size_t y = top; y < bottom; ++y) {
        fill(y, 0, left);
        fill(y, right, out_.width - right);
      }
      fill(bottom, 0, (end - bottom) * out_.width);
    }
  }

 private:
  std::size_t element_bytes() const {
    return out_.type == ElementType::float32 ? 4 : out_.type == ElementType::float16 ? 2 : 1;
  }
  std::size_t pixel_bytes() const { return out_.layout == Layout::nhwc ? 3 * element_bytes() : element_bytes(); }

  std::uint8_t* at(std::size_t channel, std::size_t y, std::size_t x) const {
    return data_ + ((channel * out_.height + y) * out_.width + x) * pixel_bytes();
  }

  /// The padding's elements one after the other: of one channel, or of all three in turn.
  void make_pattern(const std::array<float, 3>& values, std::size_t channel, std::uint8_t* pattern) const {
    const std::size_t bytes = element_bytes();
    for (std::size_t i = 0; (i + 1) * bytes <= kernels::kFillPattern; ++i) {
      const float value = values[out_.layout == Layout::nhwc ? i % 3 : channel];
      const Half half = to_half(value);
      const std::uint8_t byte = kernels::to_byte(value);
      const void* element = &value;
      if (out_.type == ElementType::float16) element = &half;
      if (out_.type == ElementType::uint8) element = &byte;
      std::memcpy(pattern + i * bytes, element, bytes);
    }
  }

  const BatchTensor& out_;
  const PrepareKernels& kernel_;
  std::uint8_t* data_;
};

/// An image as the kernels see it: planes, and the sides of the region along its own rows and columns.
class Sampling {
 public:
  Sampling(const ImageView& image, const Region& region) : image_(image) {
    const int turn = image.orientation;
    columns_ = static_cast<std::size_t>(is_transposed(image) ? region.height : region.width);
    lines_ = static_cast<std::size_t>(is_transposed(image) ? region.width : region.height);
    columns_mirrored_ = turn == 2 || turn == 3 || turn == 7 || turn == 8;
    lines_mirrored_ = turn == 3 || turn == 4 || turn == 6 || turn == 7;
  }

  std::size_t columns() const { return columns_; }
  std::size_t lines() const { return lines_; }

  /// Fills the tables and what all rows of the image share; the second block of columns begins at `aligned`.
  void begin(Isa isa, std::size_t aligned, PrepareScratch& scratch, PreparedRow& row) const {
    const bool yuv = is_yuv(image_);
    const std::size_t chroma_width = (image_.width + 1) / 2;
    const std::size_t chroma_bytes = image_.format == PixelFormat::nv12 ? 2 : 1;
    const PlaneRow rows[2] = {{image_.width, pixel_bytes()}, {chroma_width, chroma_bytes}};
    const Gather gather = gather_for(isa, columns_, std::span(rows, yuv ? 2 : 1));
    kernels::ColumnRule rule{image_.width,  image_.width,           columns_,
                             pixel_bytes(), Siting::pixel,          columns_mirrored_,
                             gather,        block_for(isa, gather), 0};
    rule.aligned = aligned % rule.block;
    make_columns(rule, scratch.columns);
    row.width = columns_;
    row.planes[0].columns = &scratch.columns;
    if (!yuv) {
      row.source = image_.format == PixelFormat::gray ? Source::gray : Source::interleaved;
      return;
    }
    rule.plane_width = chroma_width;
    rule.pixel_bytes = chroma_bytes;
    rule.siting = image_.yuv.siting == ChromaSiting::center ? Siting::between : Siting::first;
    make_columns(rule, scratch.chroma_columns);
    row.planes[1].columns = row.planes[2].columns = &scratch.chroma_columns;
    row.source = image_.format == PixelFormat::i420 ? Source::yuv_planes : Source::yuv_interleaved;
    row.yuv = yuv_to_rgb(image_.yuv);
  }

  void line(std::size_t target, PreparedRow& row) const {
    const Axis axis{image_.height, image_.height, lines_, Siting::pixel, lines_mirrored_};
    blend(axis.at(target), image_.pixels, image_.row_stride, row.planes[0]);
    if (!is_yuv(image_)) return;
    const Siting siting = image_.yuv.siting == ChromaSiting::top_left ? Siting::first : Siting::between;
    const Axis chroma_axis{image_.height, (image_.height + 1) / 2, lines_, siting, lines_mirrored_};
    const LineSample sample = chroma_axis.at(target);
    const std::size_t planes = image_.format == PixelFormat::i420 ? 2 : 1;
    for (std::size_t i = 0; i < planes; ++i) {
      blend(sample, image_.chroma[i], image_.chroma_strides[i], row.planes[1 + i]);
    }
  }

  /// Starts to bring a line's rows into the cache where others lie between, so that the processor cannot guess them.
  void fetch(std::size_t target) const {
    if (image_.height <= 2 * lines_) return;
    PreparedRow row;
    line(target, row);
    fetch_row(row.planes[0], image_.width * pixel_bytes());
    if (!is_yuv(image_)) return;
    fetch_row(row.planes[1], (image_.width + 1) / 2 * (image_.format == PixelFormat::nv12 ? 2 : 1));
    if (image_.format == PixelFormat::i420) fetch_row(row.planes[2], (image_.width + 1) / 2);
  }

 private:
  static void fetch_row(const kernels::PlaneRows& rows, std::size_t bytes) {
    constexpr std::size_t kLine = 64;
    for (std::size_t i = 0; i < bytes; i += kLine) {
      __builtin_prefetch(rows.upper + i, 0, 2);
      __builtin_prefetch(rows.lower + i, 0, 2);
    }
  }

  static void blend(const LineSample& line, const std::uint8_t* pixels, std::ptrdiff_t stride,
                    kernels::PlaneRows& rows) {
    rows.weight = static_cast<float>(line.weight);
    rows.upper = pixels + static_cast<std::ptrdiff_t>(line.first) * stride;
    // A row that has no weight need not come into the cache.
    rows.lower = rows.weight == 0 ? rows.upper : pixels + static_cast<std::ptrdiff_t>(line.second) * stride;
  }

  std::size_t pixel_bytes() const {
    return image_.format == PixelFormat::rgb ? 3 : image_.format == PixelFormat::rgba ? 4 : 1;
  }

  const ImageView& image_;
  std::size_t columns_;
  std::size_t lines_;
  bool columns_mirrored_;
  bool lines_mirrored_;
};

/// One of the bands that an image is prepared in: some of its rows, and of its slot's padding.
struct Band {
  std::size_t number;
  std::size_t count;

  std::size_t begin(std::size_t rows) const { return rows * number / count; }
  std::size_t end(std::size_t rows) const { return rows * (number + 1) / count; }
};

class ImagePreparation {
 public:
  ImagePreparation(const ImageView& image, const Region& region, const PrepareSettings& settings, const Slot& slot,
                   const PrepareKernels& kernel, PrepareScratch& scratch)
      : sampling_(image, region), region_(region), slot_(slot), kernel_(kernel), scratch_(scratch) {
    for (std::size_t c = 0; c < 3; ++c) {
      channels_[c] = settings.reverse_channels ? 2 - c : c;
      row_.gain[channels_[c]] = settings.gain[c];
      row_.bias[channels_[c]] = settings.bias[c];
    }
    row_.round_to_uint8 = settings.round_to_uint8;
    transposed_ = is_transposed(image);
    direct_ = slot.takes_floats() && !transposed_;
    sampling_.begin(active_isa(), direct_ ? columns_to_alignment() : 0, scratch, row_);
    const std::size_t held = transposed_ ? 2 * kStrip : 1;
    scratch.rows.resize(std::max(scratch.rows.size(), held * 3 * sampling_.columns()));
  }

  void run(const Band& band) {
    const std::size_t begin = band.begin(sampling_.lines()), end = band.end(sampling_.lines());
    if (transposed_) {
      for (std::size_t line = begin; line < end; line += kStrip) write_strip(line, std::min(kStrip, end - line));
    } else {
      for (std::size_t line = begin; line < end; ++line) write_row(line);
    }
  }

 private:
  static constexpr std::size_t kAlignment = 64;

  std::size_t columns_to_alignment() const {
    if (!slot_.rows_align(kAlignment)) return 0;
    const auto first = reinterpret_cast<std::uintptr_t>(slot_.floats(0, 0, static_cast<std::size_t>(region_.x)));
    return (kAlignment - first % kAlignment) % kAlignment / sizeof(float);
  }

  std::size_t x() const { return static_cast<std::size_t>(region_.x); }
  std::size_t y() const { return static_cast<std::size_t>(region_.y); }

  void write_row(std::size_t line) {
    const std::size_t width = sampling_.columns();
    float* values = scratch_.rows.data();
    for (std::size_t c = 0; c < 3; ++c) {
      row_.out[channels_[c]] = direct_ ? slot_.floats(c, y() + line, x()) : values + c * width;
    }
    sampling_.line(line, row_);
    if (line + 1 < sampling_.lines()) sampling_.fetch(line + 1);
    kernel_.prepare_row(row_);
    if (!direct_) slot_.store({{values, values + width, values + 2 * width}, width}, y() + line, x());
  }

  /// Lines of the image that are columns of the region: some are made, transposed, and then stored.
  void write_strip(std::size_t first, std::size_t count) {
    const std::size_t width = sampling_.columns();
    float* lines = scratch_.rows.data();
    float* turned = lines + kStrip * 3 * width;
    for (std::size_t i = 0; i < count; ++i) {
      for (std::size_t c = 0; c < 3; ++c) row_.out[channels_[c]] = lines + (c * kStrip + i) * width;
      sampling_.line(first + i, row_);
      kernel_.prepare_row(row_);
    }
    for (std::size_t c = 0; c < 3; ++c) {
      for (std::size_t at = 0; at < width; ++at) {
        float* to = turned + (at * 3 + c) * kStrip;
        for (std::size_t i = 0; i < count; ++i) to[i] = lines[(c * kStrip + i) * width + at];
      }
    }
    for (std::size_t at = 0; at < width; ++at) {
      const float* values = turned + at * 3 * kStrip;
      slot_.store({{values, values + kStrip, values + 2 * kStrip}, count}, y() + at, x() + first);
    }
  }

  Sampling sampling_;
  const Region& region_;
  const Slot& slot_;
  const PrepareKernels& kernel_;
  PrepareScratch& scratch_;
  PreparedRow row_{};
  std::size_t channels_[3];  ///< Per output channel: that of the image.
  bool transposed_;
  bool direct_;  ///< Rows are written where they belong.
};

std::size_t bands_per_image(std::size_t images, std::size_t height, const ThreadPool* pool) {
  const std::size_t wanted = 4 * thread_count(pool);
  if (pool == nullptr || images == 0 || images >= wanted) return 1;
  return std::clamp<std::size_t>(height / kSmallestBand, 1, (wanted + images - 1) / images);
}

}  // namespace

void prepare(std::span<const ImageView> images, std::span<const Region> regions, const PrepareSettings& settings,
             const BatchTensor& out, PrepareWorkspace& workspace, ThreadPool* pool) {
  check(images, regions, settings, out);
  const PrepareKernels& kernel = kernels_for(active_isa());
  std::size_t columns = 0;
  for (std::size_t b = 0; b < images.size(); ++b) {
    columns = std::max(columns, Sampling(images[b], regions[b]).columns());
  }
  while (workspace.threads.size() < thread_count(pool)) {
    workspace.threads.push_back(std::make_unique<PrepareScratch>());
  }
  for (auto& scratch : workspace.threads) {
    // Here, so that it does not depend on the tasks that a thread gets whether it allocates.
    reserve_columns(columns, scratch->columns);
    reserve_columns(columns, scratch->chroma_columns);
    scratch->rows.reserve(2 * kStrip * 3 * columns);
  }
  const std::size_t bands = bands_per_image(images.size(), out.height, pool);
  run(pool, images.size() * bands, [&](std::size_t task, std::size_t thread) {
    const std::size_t b = task / bands;
    const Band band{task % bands, bands};
    const Slot slot(out, b, kernel);
    slot.pad(regions[b], settings.pad, band.begin(out.height), band.end(out.height));
    ImagePreparation(images[b], regions[b], settings, slot, kernel, *workspace.threads[thread]).run(band);
  });
}

}  // namespace framecast
