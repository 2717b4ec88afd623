#include "paste_mask.h"

#include <limits>

#include "check.h"

using namespace framecast;

namespace {

const std::vector<float> kOnes(4, 1.0f);

bool paste(const Box& box, MaskRuns& runs, bool exact_box = false) {
  PasteScratch scratch;
  return paste_mask(kOnes, 2, box, 10, 20, 0.49f, exact_box, runs, scratch);
}

std::vector<std::uint32_t> ends_of_row(const MaskRuns& runs, std::size_t y) {
  return {runs.ends.data() + runs.row_splits[y], runs.ends.data() + runs.row_splits[y + 1]};
}

}  // namespace

TEST(only_the_part_inside_the_image_is_looked_at) {
  MaskRuns runs;
  // Twice the box's size, as one pixel of padding on each side of a 2 x 2 mask makes it: columns -4 to 14, of which the
  // middle half is mask.
  CHECK(paste({0, 1, 9.8f, 6.9f}, runs));
  CHECK(runs.left == 0 && runs.top == 0 && runs.rows() == 10);
  CHECK(ends_of_row(runs, 4) == (std::vector<std::uint32_t>{1, 10}));
}

TEST(the_mask_ends_halfway_into_its_padding) {
  MaskRuns runs;
  CHECK(paste({4, 4, 8, 8}, runs));
  // Columns and rows 2..10 of the image; ones lie in the middle half.
  CHECK(runs.left == 2 && runs.top == 2 && runs.rows() == 8);
  CHECK(ends_of_row(runs, 1).empty());
  CHECK(ends_of_row(runs, 4) == (std::vector<std::uint32_t>{2, 7}));
}

TEST(an_exact_box_is_filled_to_its_edges) {
  MaskRuns runs;
  CHECK(paste({3.6f, 1.4f, 9.4f, 7.6f}, runs, true));
  // The pixels whose centres lie in the box, within a margin of one.
  CHECK(runs.left == 2 && runs.top == 0 && runs.rows() == 9);
  CHECK(ends_of_row(runs, 0).empty() && ends_of_row(runs, 8).empty());
  for (std::size_t y = 2; y < 7; ++y) CHECK(ends_of_row(runs, y) == (std::vector<std::uint32_t>{2, 7}));
  // What fades out along both axes is multiplied, so corners are round.
  for (const std::size_t y : {1, 7}) CHECK(ends_of_row(runs, y) == (std::vector<std::uint32_t>{3, 6}));
  CHECK(paste({-3, 5, 2, 30}, runs, true));
  CHECK(runs.left == 0 && runs.rows() == 6 && ends_of_row(runs, 5) == (std::vector<std::uint32_t>{0, 2}));
  CHECK(!paste({5, 5, 5, 9}, runs, true));
  CHECK(!paste({40, 0, 45, 5}, runs, true));
}

TEST(a_box_without_a_pixel_in_the_image_gives_none) {
  MaskRuns runs;
  const float nan = std::numeric_limits<float>::quiet_NaN();
  CHECK(!paste({nan, 0, 5, 5}, runs));
  CHECK(!paste({0, 0, 1e12f, 5}, runs));
  CHECK(!paste({40, 0, 45, 5}, runs));
  CHECK(!paste({8, 0, 2, 5}, runs));
}
