#include "framecast/decode_boxes.h"

#include <cmath>
#include <limits>
#include <stdexcept>

#include "check.h"

using namespace framecast;

namespace {

struct Small {
  std::vector<float> class_logits = {0, 0, 0, 0, 5, 0};
  std::vector<float> deltas = std::vector<float>(24, 0);
  std::vector<Box> proposals = {{0, 0, 10, 10}, {5, 5, 50, 50}};
  std::vector<std::int64_t> splits = {0, 1, 2};
  std::vector<ImageSize> image_sizes = {{8, 100}, {40, 30}};
  std::vector<float> thresholds = {0.3f, 0.5f};
  std::vector<std::uint8_t> filter;

  Candidates decode() {
    Candidates out;
    DecodeWorkspace workspace;
    decode_boxes({class_logits, deltas, proposals, splits, image_sizes, 2}, {thresholds, filter, 1e-2f, {10, 10, 5, 5}},
                 out, workspace);
    return out;
  }
};

}  // namespace

TEST(background_is_removed_and_boxes_are_clipped_to_their_image) {
  Small small;
  const Candidates out = small.decode();
  CHECK(out.splits == (std::vector<std::int64_t>{0, 2, 3}));
  CHECK(out.classes == (std::vector<std::int32_t>{0, 1, 0}));
  CHECK(out.sources == (std::vector<std::int64_t>{0, 0, 1}));
  CHECK((out.boxes[0] == Box{0, 0, 10, 8}));
  CHECK((out.boxes[2] == Box{5, 5, 30, 40}));
  CHECK(std::fabs(out.scores[2] - std::exp(5.0f) / (std::exp(5.0f) + 2)) < 1e-6f);
}

TEST(the_filter_belongs_to_the_image) {
  Small small;
  small.filter = {0, 1, 0, 1};
  const Candidates out = small.decode();
  CHECK(out.classes == (std::vector<std::int32_t>{1}));
  CHECK(out.splits == (std::vector<std::int64_t>{0, 1, 1}));
}

TEST(deltas_belong_to_the_class_and_nan_drops_the_box) {
  Small small;
  small.deltas[4] = 10;
  small.deltas[8 + 3] = std::numeric_limits<float>::quiet_NaN();
  const Candidates out = small.decode();
  CHECK((out.boxes[0] == Box{10, 0, 20, 8}));
  CHECK(out.classes == (std::vector<std::int32_t>{0, 0}));
}

TEST(refuses_what_does_not_fit) {
  Small small;
  small.splits = {0, 2};
  CHECK_REFUSES("image_sizes", small.decode());
  small = {};
  small.class_logits.pop_back();
  CHECK_REFUSES("class_logits", small.decode());
  small = {};
  small.filter = {1};
  CHECK_REFUSES("class_filter", small.decode());
}
