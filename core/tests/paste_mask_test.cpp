#include "paste_mask.h"

#include <limits>

#include "check.h"

using namespace framecast;

namespace {

const std::vector<float> kOnes(4, 1.0f);

bool paste(const Box& box, MaskCrop& crop) {
  PasteWorkspace workspace;
  return paste_mask(kOnes, 2, box, 10, 20, 0.5f, crop, workspace);
}

}  // namespace

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
