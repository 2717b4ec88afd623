#include "framecast/rle.h"

#include <algorithm>
#include <limits>

#include "argument.h"
#include "chunks.h"
#include "mask_runs.h"
#include "mask_workspace.h"

namespace framecast {

struct RleWorkspace::State {
  struct Scratch {
    MaskRuns rows;
    MaskRuns columns;
  };
  std::vector<Scratch> threads;
  std::vector<Rle> chunks;
  std::vector<std::size_t> places;
};

RleWorkspace::RleWorkspace() : state_(std::make_unique<State>()) {}
RleWorkspace::~RleWorkspace() = default;

namespace {

constexpr std::int64_t kLargestSide = 1 << 24;

struct Image {
  std::uint64_t height;
  std::uint64_t width;

  std::uint64_t pixels() const { return height * width; }
};

Image image_of(std::span<const std::int32_t> image_sizes, std::size_t k) {
  return {static_cast<std::uint64_t>(image_sizes[2 * k]), static_cast<std::uint64_t>(image_sizes[2 * k + 1])};
}

void require_image_sizes(std::span<const std::int32_t> image_sizes, std::size_t count) {
  require(image_sizes.size() == 2 * count, "image_sizes: must have one row per mask");
  for (std::int32_t side : image_sizes) {
    require(side >= 0 && side <= kLargestSide, "image_sizes: must be in [0, 2^24]");
  }
  for (std::size_t k = 0; k < count; ++k) {
    require(image_of(image_sizes, k).pixels() <= std::numeric_limits<std::uint32_t>::max(),
            "image_sizes: an image must have fewer than 2^32 pixels");
  }
}

std::span<const std::uint32_t> counts_of(const RleView& rle, std::size_t k) {
  const auto begin = static_cast<std::size_t>(rle.splits[k]);
  return rle.counts.subspan(begin, static_cast<std::size_t>(rle.splits[k + 1]) - begin);
}

/// Adds the run lengths of a mask whose runs are known column by column.
void append_counts(const MaskRuns& columns, const Image& image, std::vector<std::uint32_t>& counts) {
  const std::size_t first = counts.size();
  const std::uint64_t pixels = image.pixels();
  std::uint64_t last = 0;  // Where the last count ended.
  for (std::size_t x = 0; x < columns.rows(); ++x) {
    for (std::size_t i = columns.row_splits[x]; i < columns.row_splits[x + 1]; ++i) {
      const std::uint64_t at = x * image.height + columns.ends[i];
      if (at == last && counts.size() > first) {  // A run goes on in the next column.
        last -= counts.back();
        counts.pop_back();
      } else if (at < pixels) {
        counts.push_back(static_cast<std::uint32_t>(at - last));
        last = at;
      }
    }
  }
  counts.push_back(static_cast<std::uint32_t>(pixels - last));
}

/// The opposite; lengths of 0 are left out.
void split_counts(std::span<const std::uint32_t> counts, const Image& image, MaskRuns& columns) {
  columns.clear(0, 0);
  std::uint32_t* const ends = columns.begin_rows(1, counts.size() + 2 * image.width);
  std::size_t count = 0;
  std::size_t column_begin = 0;
  std::uint32_t y = 0;
  const auto height = static_cast<std::uint32_t>(image.height);
  auto end_column = [&] {
    columns.row_splits.push_back(count);
    column_begin = count;
    y = 0;
  };
  for (std::size_t i = 0; i < counts.size(); ++i) {
    for (std::uint32_t left = counts[i]; left > 0;) {
      const std::uint32_t step = std::min(left, height - y);
      if (i % 2 == 1) {
        const bool goes_on = count > column_begin && ends[count - 1] == y;
        if (!goes_on) ends[count++] = y;
        ends[goes_on ? count - 1 : count++] = y + step;
      }
      left -= step;
      y += step;
      if (y == height) end_column();
    }
  }
  while (columns.rows() < image.width) end_column();  // Of no height.
}

}  // namespace

void require_rle(const RleView& rle) {
  require_splits(rle.splits, rle.counts.size(), "splits");
  require_image_sizes(rle.image_sizes, rle.splits.size() - 1);
  for (std::size_t k = 0; k + 1 < rle.splits.size(); ++k) {
    std::uint64_t sum = 0;  // Of fewer than 2^32 numbers below 2^32, or memory would not hold them.
    for (std::uint32_t count : counts_of(rle, k)) sum += count;
    require(sum == image_of(rle.image_sizes, k).pixels(), "counts: must add up to the image's pixels");
  }
}

static void append_instances(const Rle& from, Rle& out) {
  append_all(from.counts, out.counts);
  append_splits(from.splits, out.splits);
}

void masks_to_rle(const BinaryMasks& masks, std::size_t count, Rle& out, RleWorkspace& workspace, ThreadPool* pool) {
  require(masks.height <= kLargestSide && masks.width <= kLargestSide, "masks: must be at most 2^24 on a side");
  const Image image{masks.height, masks.width};
  require(image.pixels() <= std::numeric_limits<std::uint32_t>::max(), "masks: must have fewer than 2^32 pixels each");
  require(masks.pixels.size() == count * image.pixels(), "masks: must be [count, height, width]");
  RleWorkspace::State& state = workspace.state();
  if (state.threads.size() < thread_count(pool)) state.threads.resize(thread_count(pool));
  fill_in_chunks(
      pool, count, state.chunks, out, [&](std::size_t begin, std::size_t end, std::size_t thread, Rle& result) {
        RleWorkspace::State::Scratch& scratch = state.threads[thread];
        for (std::size_t k = begin; k < end; ++k) {
          find_runs(masks.pixels.subspan(k * image.pixels(), image.pixels()), masks.height, masks.width, scratch.rows);
          transpose(scratch.rows, masks.width, scratch.columns);
          append_counts(scratch.columns, image, result.counts);
          result.splits.push_back(static_cast<std::int64_t>(result.counts.size()));
        }
      });
}

void rle_to_masks(const RleView& rle, std::span<std::uint8_t> masks, RleWorkspace& workspace, ThreadPool* pool) {
  require_rle(rle);
  RleWorkspace::State& state = workspace.state();
  if (state.threads.size() < thread_count(pool)) state.threads.resize(thread_count(pool));
  state.places.assign(1, 0);
  for (std::size_t k = 0; k + 1 < rle.splits.size(); ++k) {
    state.places.push_back(state.places.back() + image_of(rle.image_sizes, k).pixels());
  }
  require(masks.size() == state.places.back(), "masks: must be as long as the images together");
  run(pool, rle.splits.size() - 1, [&](std::size_t k, std::size_t thread) {
    RleWorkspace::State::Scratch& scratch = state.threads[thread];
    const Image image = image_of(rle.image_sizes, k);
    split_counts(counts_of(rle, k), image, scratch.columns);
    transpose(scratch.columns, image.height, scratch.rows);
    std::uint8_t* row = masks.data() + state.places[k];
    for (std::size_t y = 0; y < image.height; ++y, row += image.width) {
      std::uint32_t x = 0;
      for (std::size_t i = scratch.rows.row_splits[y]; i < scratch.rows.row_splits[y + 1]; i += 2) {
        const std::uint32_t begin = scratch.rows.ends[i];
        const std::uint32_t end = scratch.rows.ends[i + 1];
        std::fill(row + x, row + begin, std::uint8_t{0});
        std::fill(row + begin, row + end, std::uint8_t{1});
        x = end;
      }
      std::fill(row + x, row + image.width, std::uint8_t{0});
    }
  });
}

void rle_to_polygons(const RleView& rle, std::span<const float> rdp_thresholds, Polygons& out, MaskWorkspace& workspace,
                     ThreadPool* pool) {
  require_rle(rle);
  require(rdp_thresholds.size() + 1 == rle.splits.size(), "rdp_thresholds: must have one entry per mask");
  require_lengths(rdp_thresholds, "rdp_thresholds: must be finite and not negative");
  outline_instances(rdp_thresholds, out, workspace, pool, [&](std::size_t k, MaskScratch& scratch) {
    const Image image = image_of(rle.image_sizes, k);
    split_counts(counts_of(rle, k), image, scratch.columns);
    transpose(scratch.columns, image.height, scratch.runs);
    return true;
  });
}

void measure_rle(const RleView& rle, std::span<std::int64_t> areas, std::span<Box> boxes) {
  require_rle(rle);
  const std::size_t masks = rle.splits.size() - 1;
  require(areas.size() == masks && boxes.size() == masks, "areas: and boxes must have one entry per mask");
  for (std::size_t k = 0; k < masks; ++k) {
    const std::span<const std::uint32_t> counts = counts_of(rle, k);
    const std::uint64_t height = image_of(rle.image_sizes, k).height;
    std::uint64_t left = std::numeric_limits<std::uint64_t>::max(), right = 0, top = left, bottom = 0, at = 0;
    areas[k] = 0;
    for (std::size_t i = 0; i < counts.size(); ++i) {
      const std::uint64_t begin = at;
      at += counts[i];
      if (i % 2 == 0 || counts[i] == 0) continue;
      areas[k] += counts[i];
      const std::uint64_t last = at - 1;
      left = std::min(left, begin / height);
      right = std::max(right, last / height + 1);
      const bool one_column = begin / height == last / height;  // Else it passes the lower and the upper border.
      top = std::min(top, one_column ? begin % height : 0);
      bottom = std::max(bottom, one_column ? last % height + 1 : height);
    }
    boxes[k] = {};
    if (areas[k] > 0) {
      boxes[k] = {static_cast<float>(left), static_cast<float>(top), static_cast<float>(right),
                  static_cast<float>(bottom)};
    }
  }
}

void compress_rle(std::span<const std::uint32_t> counts, std::span<const std::int64_t> splits, std::vector<char>& out,
                  std::vector<std::int64_t>& out_splits) {
  require_splits(splits, counts.size(), "splits");
  out.clear();
  out_splits.assign(1, 0);
  for (std::size_t k = 0; k + 1 < splits.size(); ++k) {
    const auto first = static_cast<std::size_t>(splits[k]);
    for (std::size_t i = first; i < static_cast<std::size_t>(splits[k + 1]); ++i) {
      std::int64_t value = counts[i];
      if (i - first > 2) value -= counts[i - 2];
      for (bool more = true; more;) {
        const std::int64_t digit = value & 31;
        value >>= 5;
        more = (digit & 16) != 0 ? value != -1 : value != 0;
        out.push_back(static_cast<char>(digit + (more ? 32 : 0) + '0'));
      }
    }
    out_splits.push_back(static_cast<std::int64_t>(out.size()));
  }
}

void decompress_rle(std::span<const std::string_view> strings, std::span<const std::int32_t> image_sizes, Rle& out) {
  require_image_sizes(image_sizes, strings.size());
  out.clear();
  for (std::size_t k = 0; k < strings.size(); ++k) {
    const std::string_view string = strings[k];
    const std::uint64_t pixels = image_of(image_sizes, k).pixels();
    const std::size_t first = out.counts.size();
    std::uint64_t sum = 0;
    for (std::size_t at = 0; at < string.size();) {
      std::int64_t value = 0;
      int shift = 0;
      for (bool more = true; more; shift += 5) {
        // Seven characters hold 35 bits, and no difference of two counts needs more.
        require(at < string.size() && shift < 35, "strings: a number does not end");
        const int digit = static_cast<unsigned char>(string[at++]) - '0';
        require(digit >= 0 && digit < 64, "strings: must have characters from '0' to 'o' only");
        value |= std::int64_t{digit & 31} << shift;
        more = (digit & 32) != 0;
        if (!more && (digit & 16) != 0) value -= std::int64_t{1} << (shift + 5);
      }
      if (out.counts.size() - first > 2) value += out.counts[out.counts.size() - 2];
      require(value >= 0 && static_cast<std::uint64_t>(value) <= pixels - sum,
              "strings: must add up to the image's pixels");
      sum += static_cast<std::uint64_t>(value);
      out.counts.push_back(static_cast<std::uint32_t>(value));
    }
    require(sum == pixels, "strings: must add up to the image's pixels");
    out.splits.push_back(static_cast<std::int64_t>(out.counts.size()));
  }
}

}  // namespace framecast
