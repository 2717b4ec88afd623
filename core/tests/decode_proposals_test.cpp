#include "framecast/decode_proposals.h"

#include <cmath>
#include <limits>
#include <stdexcept>

#include "check.h"

using namespace framecast;

namespace {

struct Small {
  std::vector<float> objectness = {0, 3, 1, 2};
  std::vector<float> deltas = std::vector<float>(16, 0);
  std::vector<Box> anchors = {{0, 0, 10, 10}, {20, 20, 30, 30}, {0, 0, 10, 10}, {-5, 0, 5, 10}};
  std::vector<std::int64_t> level_sizes = {2, 2};
  std::vector<ImageSize> image_sizes = {{25, 100}};
  ProposalSettings settings{10, 10, 0.7f, 0, 1e-3f, {1, 1, 1, 1}};

  Proposals decode() const {
    Proposals out;
    ProposalWorkspace workspace;
    decode_proposals({objectness, deltas, anchors, level_sizes, image_sizes}, settings, out, workspace);
    return out;
  }
};

}  // namespace

TEST(levels_do_not_suppress_each_other_and_boxes_are_clipped) {
  const Proposals out = Small().decode();
  CHECK(out.splits == (std::vector<std::int64_t>{0, 4}));
  CHECK((out.boxes == std::vector<Box>{{20, 20, 30, 25}, {0, 0, 5, 10}, {0, 0, 10, 10}, {0, 0, 10, 10}}));
  CHECK(std::fabs(out.scores[0] - 1 / (1 + std::exp(-3.0f))) < 1e-6f);
}

TEST(each_level_has_its_own_top) {
  Small small;
  small.settings.pre_nms_top_n = 1;
  CHECK((small.decode().boxes == std::vector<Box>{{20, 20, 30, 25}, {0, 0, 5, 10}}));
  small.settings.post_nms_top_n = 1;
  CHECK((small.decode().boxes == std::vector<Box>{{20, 20, 30, 25}}));
  small.settings.pre_nms_top_n = 0;
  CHECK(small.decode().boxes.empty());
}

TEST(scale_is_clamped_and_nan_dropped) {
  Small small;
  small.image_sizes = {{1e6f, 1e6f}};
  small.deltas[4 + 2] = 100;
  small.objectness[2] = std::numeric_limits<float>::quiet_NaN();
  small.deltas[12] = std::numeric_limits<float>::quiet_NaN();
  const Proposals out = small.decode();
  CHECK(out.boxes.size() == 2);
  CHECK(std::fabs(out.boxes[0].x2 - (25 + 625.0f / 2)) < 1e-3f);
}

TEST(refuses_what_does_not_fit) {
  Small small;
  small.level_sizes = {2, 3};
  CHECK_REFUSES("level_sizes", small.decode());
  small = {};
  small.deltas.pop_back();
  CHECK_REFUSES("deltas", small.decode());
  small = {};
  small.settings.nms_threshold = 2;
  CHECK_REFUSES("nms_threshold", small.decode());
}
