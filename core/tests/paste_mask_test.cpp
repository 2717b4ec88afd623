#include "paste_mask.h"

#include <algorithm>
#include <limits>

#include "check.h"
#include "kernels/paste_mask.h"
#include "random.h"

using namespace framecast;

namespace {

const std::vector<float> kOnes(4, 1.0f);

bool paste(const Box& box, MaskCrop& crop) {
  PasteWorkspace workspace;
  return paste_mask(kOnes, 2, box, 10, 20, 0.5f, crop, workspace);
}

}  // namespace

TEST(kernels_give_the_same_pixels_and_write_no_further) {
  Random random(9);
  for (std::size_t value_count : {3, 16, 30, 32, 33, 58}) {
    for (std::size_t width = 0; width <= 70; ++width) {
      std::vector<float> values(std::max(value_count, kernels::kPastedValues)), weights(width + kernels::kPastedBlock);
      std::vector<std::uint32_t> first(weights.size()), second(weights.size());
      for (auto& value : values) value = static_cast<float>(random.below(9)) / 8;
      values[random.below(value_count)] = std::numeric_limits<float>::quiet_NaN();
      for (std::size_t x = 0; x < width; ++x) {
        first[x] = static_cast<std::uint32_t>(random.below(value_count));
        second[x] = static_cast<std::uint32_t>(random.below(value_count));
        weights[x] = random.below(2) == 1 ? random.uniform(0, 1) : static_cast<float>(random.below(5)) / 4;
      }
      auto pixels = [&](kernels::PasteRow paste_row) {
        std::vector<std::uint8_t> out(width + 1, 77);
        paste_row({values.data(), first.data(), second.data(), weights.data(), width, 0.5f, out.data()});
        CHECK(out.back() == 77);
        return out;
      };
      const auto expected = pixels(kernels::paste_row_scalar);
      for (Isa isa : {Isa::avx2, Isa::avx512}) {
        if (is_supported(isa)) CHECK(pixels(kernels::paste_row_kernel(isa, value_count)) == expected);
      }
    }
  }
}

TEST(only_the_part_inside_the_image_is_held) {
  MaskCrop crop;
  // Twice the box's size, as one pixel of padding on each side of a 2 x 2 mask makes it: columns -5..14, rows -2..9.
  CHECK(paste({0, 1, 9.8f, 6.9f}, crop));
  CHECK(crop.left == 0 && crop.top == 0);
  CHECK(crop.width == 2 + 15 && crop.height == 2 + 10);
}

TEST(the_mask_ends_halfway_into_its_padding) {
  MaskCrop crop;
  CHECK(paste({4, 4, 8, 8}, crop));
  // Columns 2..10 of the image; ones lie in the middle half.
  CHECK(crop.left == 2 && crop.width == 2 + 9);
  const std::uint8_t* row = crop.inner_row(4);
  CHECK(std::vector<std::uint8_t>(row, row + 9) == (std::vector<std::uint8_t>{0, 0, 1, 1, 1, 1, 1, 0, 0}));
}

TEST(a_box_without_a_pixel_in_the_image_gives_none) {
  MaskCrop crop;
  const float nan = std::numeric_limits<float>::quiet_NaN();
  CHECK(!paste({nan, 0, 5, 5}, crop));
  CHECK(!paste({0, 0, 1e12f, 5}, crop));
  CHECK(!paste({40, 0, 45, 5}, crop));
  CHECK(!paste({8, 0, 2, 5}, crop));
}
