#include "framecast/rle.h"

#include <string>

#include "allocations.h"
#include "check.h"
#include "random.h"

using namespace framecast;

namespace {

/// The definition: pixel by pixel down the columns.
std::vector<std::uint32_t> counts_of(const std::uint8_t* mask, std::size_t height, std::size_t width) {
  std::vector<std::uint32_t> counts;
  bool last = false;
  std::uint32_t length = 0;
  for (std::size_t x = 0; x < width; ++x) {
    for (std::size_t y = 0; y < height; ++y) {
      if ((mask[y * width + x] != 0) != last) {
        counts.push_back(length);
        length = 0;
        last = !last;
      }
      ++length;
    }
  }
  counts.push_back(length);
  return counts;
}

struct Masks {
  Masks(std::size_t count, std::size_t image_height, std::size_t image_width, std::uint64_t seed)
      : height(image_height), width(image_width), pixels(count * height * width) {
    Random random(seed);
    float density = 0;
    for (std::size_t i = 0; i < pixels.size(); ++i) {
      if (i % (height * width) == 0) density = random.uniform(-0.2f, 1.2f);
      pixels[i] = random.uniform(0, 1) < density ? static_cast<std::uint8_t>(1 + random.below(255)) : 0;
    }
    for (std::size_t k = 0; k < count; ++k) {
      sizes.insert(sizes.end(), {static_cast<std::int32_t>(height), static_cast<std::int32_t>(width)});
    }
  }
  BinaryMasks view() const { return {pixels, height, width}; }

  std::size_t height, width;
  std::vector<std::uint8_t> pixels;
  std::vector<std::int32_t> sizes;
};

}  // namespace

TEST(counts_equal_the_definition_and_lead_back) {
  RleWorkspace workspace;
  MaskWorkspace mask_workspace;
  ThreadPool pool(3);
  Rle rle, pooled;
  for (std::uint64_t seed = 0; seed < 150; ++seed) {
    Random random(seed);
    const std::size_t count = random.below(5);
    const Masks masks(count, 1 + random.below(20), 1 + random.below(90), seed);
    masks_to_rle(masks.view(), count, rle, workspace);
    masks_to_rle(masks.view(), count, pooled, workspace, &pool);
    CHECK(rle.counts == pooled.counts && rle.splits == pooled.splits);
    std::vector<std::uint32_t> expected;
    for (std::size_t k = 0; k < count; ++k) {
      const auto counts = counts_of(masks.pixels.data() + k * masks.height * masks.width, masks.height, masks.width);
      expected.insert(expected.end(), counts.begin(), counts.end());
    }
    CHECK(rle.counts == expected);
    const RleView view{rle.counts, rle.splits, masks.sizes};
    std::vector<std::uint8_t> back(masks.pixels.size(), 77);
    rle_to_masks(view, back, workspace, &pool);
    for (std::size_t i = 0; i < back.size(); ++i) CHECK(back[i] == (masks.pixels[i] != 0));

    const std::vector<float> rdp(count, seed % 2 == 0 ? 0 : 0.01f);
    Polygons polygons, direct;
    rle_to_polygons(view, rdp, polygons, mask_workspace, &pool);
    binary_masks_to_polygons(masks.view(), rdp, direct, mask_workspace);
    CHECK(polygons.points == direct.points && polygons.part_splits == direct.part_splits);
    std::vector<std::int64_t> areas(count);
    std::vector<Box> boxes(count);
    measure_rle(view, areas, boxes);
    CHECK(areas == direct.areas && boxes == direct.boxes);
  }
}

TEST(strings_lead_back_to_counts) {
  Random random(8);
  Rle rle;
  std::vector<char> text;
  std::vector<std::int64_t> text_splits;
  for (int round = 0; round < 300; ++round) {
    std::vector<std::uint32_t> counts;
    std::uint64_t sum = 0;
    for (std::size_t i = random.below(40); i > 0; --i) {
      counts.push_back(static_cast<std::uint32_t>(random.bits() >> (36 + random.below(28))));
      sum += counts.back();
    }
    // One row as wide as they are long, or a few: whatever has the same number of pixels.
    const std::int32_t height = 64;
    counts.push_back(static_cast<std::uint32_t>((height - sum % height) % height));
    sum += counts.back();
    const std::vector<std::int64_t> splits{0, static_cast<std::int64_t>(counts.size())};
    const std::vector<std::int32_t> sizes{height, static_cast<std::int32_t>(sum / height)};
    if (sizes[1] > 1 << 24 || sum >> 32 != 0) continue;
    compress_rle(counts, splits, text, text_splits);
    const std::string_view string(text.data(), text.size());
    decompress_rle({&string, 1}, sizes, rle);
    CHECK(rle.counts == counts && rle.splits == splits);
  }
}

TEST(zero_lengths_are_read_as_if_they_were_not_there) {
  const std::vector<std::uint32_t> counts{0, 2, 0, 3, 1, 0, 2, 1, 0, 0, 3};
  const std::vector<std::int64_t> splits{0, 11};
  const std::vector<std::int32_t> sizes{4, 3};
  RleWorkspace workspace;
  std::vector<std::uint8_t> mask(12);
  rle_to_masks({counts, splits, sizes}, mask, workspace);
  CHECK(mask == (std::vector<std::uint8_t>{1, 1, 1, 1, 0, 0, 1, 0, 0, 1, 0, 0}));
}

TEST(images_without_pixels_have_one_length_of_0) {
  RleWorkspace workspace;
  Rle rle;
  masks_to_rle({{}, 0, 5}, 2, rle, workspace);
  CHECK(rle.counts == (std::vector<std::uint32_t>{0, 0}));
  const std::vector<std::int32_t> sizes{0, 5, 5, 0};
  rle_to_masks({rle.counts, rle.splits, sizes}, {}, workspace);
}

TEST(the_steady_state_allocates_nothing) {
  const Masks masks(6, 40, 70, 5);
  RleWorkspace workspace;
  Rle rle, read;
  std::vector<std::uint8_t> back(masks.pixels.size());
  std::vector<char> text;
  std::vector<std::int64_t> text_splits;
  std::vector<std::string_view> strings(6);
  auto call = [&] {
    masks_to_rle(masks.view(), 6, rle, workspace);
    rle_to_masks({rle.counts, rle.splits, masks.sizes}, back, workspace);
    compress_rle(rle.counts, rle.splits, text, text_splits);
    for (std::size_t k = 0; k < 6; ++k) {
      strings[k] = {text.data() + text_splits[k], static_cast<std::size_t>(text_splits[k + 1] - text_splits[k])};
    }
    decompress_rle(strings, masks.sizes, read);
  };
  call();
  CHECK(allocations_of(call) == 0);
  CHECK(read.counts == rle.counts);
}

TEST(refuses_what_does_not_fit) {
  RleWorkspace workspace;
  Rle rle;
  std::vector<std::uint8_t> mask(6);
  const std::vector<std::int32_t> sizes{2, 3}, negative{-1, 3}, huge{1 << 24, 1 << 24};
  const std::vector<std::uint32_t> counts{1, 4}, wrapping{0xffffffffu, 7};
  const std::vector<std::int64_t> splits{0, 2}, wrong{0, 3};
  CHECK_REFUSES("counts", rle_to_masks({counts, splits, sizes}, mask, workspace));
  CHECK_REFUSES("counts", rle_to_masks({wrapping, splits, sizes}, mask, workspace));
  CHECK_REFUSES("splits", rle_to_masks({counts, wrong, sizes}, mask, workspace));
  CHECK_REFUSES("image_sizes", rle_to_masks({counts, splits, negative}, mask, workspace));
  CHECK_REFUSES("image_sizes", rle_to_masks({counts, splits, huge}, mask, workspace));
  auto refuses = [&](const char* text) {
    const std::string_view string = text;
    CHECK_REFUSES("strings", decompress_rle({&string, 1}, sizes, rle));
  };
  refuses("");       // Adds up to nothing.
  refuses("25");     // Adds up to 7.
  refuses("1P");     // More is to follow.
  refuses("1\x7f");  // Not a digit.
  refuses("1/");
  refuses("1O");                 // -1.
  refuses("PPPPPPPPPPPPPPPP0");  // Too many digits.
  refuses("oooooo?");
}
