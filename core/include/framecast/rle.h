#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "framecast/box.h"
#include "framecast/masks_to_polygons.h"
#include "framecast/polygons.h"
#include "framecast/thread_pool.h"

/// Masks as COCO's run lengths (RLE): down each column, column after column, first background, then in turn.
namespace framecast {

/// The run lengths of K masks; instance i owns counts splits[i] to splits[i + 1], whose sum is its image's pixels.
struct RleView {
  std::span<const std::uint32_t> counts;      ///< [C]; a length may be 0.
  std::span<const std::int64_t> splits;       ///< [K + 1]
  std::span<const std::int32_t> image_sizes;  ///< [K * 2]: height, width, each in [0, 2^24], fewer than 2^32 pixels.
};

struct Rle {
  std::vector<std::uint32_t> counts;
  std::vector<std::int64_t> splits;

  void clear() {
    counts.clear();
    splits.assign(1, 0);
  }
};

/// Memory of `masks_to_rle` and `rle_to_masks`, reused across calls; one per thread.
class RleWorkspace {
 public:
  RleWorkspace();
  ~RleWorkspace();
  struct State;
  State& state() { return *state_; }

 private:
  std::unique_ptr<State> state_;
};

// All of these throw std::invalid_argument, naming the argument: splits that are none, counts that do not add up to
// their image, images that are too large.

/// Only these checks, for callers that are about to make room for masks.
void require_rle(const RleView& rle);

/// The run lengths of masks of whole images, as pycocotools' encode gives them. The threads of `pool` share the masks.
void masks_to_rle(const BinaryMasks& masks, std::size_t count, Rle& out, RleWorkspace& workspace,
                  ThreadPool* pool = nullptr);

/// Fills the masks one after the other, each [height * width] of 0 and 1; `masks` is as long as their images together.
void rle_to_masks(const RleView& rle, std::span<std::uint8_t> masks, RleWorkspace& workspace,
                  ThreadPool* pool = nullptr);

/// What `binary_masks_to_polygons` makes of the same masks, without their pixels; image sizes from 1 on.
void rle_to_polygons(const RleView& rle, std::span<const float> rdp_thresholds, Polygons& out, MaskWorkspace& workspace,
                     ThreadPool* pool = nullptr);

/// How many pixels each mask has, [K], and the box around them, [K]; zeros where there is none.
void measure_rle(const RleView& rle, std::span<std::int64_t> areas, std::span<Box> boxes);

/// Writes each instance's counts as COCO's string, byte for byte that of pycocotools; `splits` of `out`, [K + 1].
///
/// A count from the fourth on is written less the one before the last; five bits to a character from '0' on, the lowest
/// first, 32 added while more follow.
void compress_rle(std::span<const std::uint32_t> counts, std::span<const std::int64_t> splits, std::vector<char>& out,
                  std::vector<std::int64_t>& out_splits);

/// Reads such strings, one per image of `image_sizes` ([K * 2], as in RleView); never takes more room than they have
/// characters. A string that ends early, has other characters or numbers outside of [0, 2^32), or does not add up to
/// its image is refused as `strings`.
void decompress_rle(std::span<const std::string_view> strings, std::span<const std::int32_t> image_sizes, Rle& out);

}  // namespace framecast
