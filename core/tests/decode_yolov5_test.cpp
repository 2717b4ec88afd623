#include "framecast/decode_yolov5.h"

#include <cmath>
#include <stdexcept>
#include <vector>

#include "check.h"

using namespace framecast;

namespace {

bool near(float a, float b) { return std::fabs(a - b) < 1e-4f; }

struct Small {
  // One image, one level of 1 x 2 cells, one anchor, two classes: seven planes of two cells.
  std::vector<float> logits = std::vector<float>(14, 0);
  std::vector<Anchor> anchors = {{10, 20}};
  std::vector<float> strides = {8};
  float threshold = 0.2f;

  Candidates decode(bool multi_label, std::vector<std::uint8_t> filter = {}) const {
    const Yolov5Level levels[] = {{logits, 1, 2}};
    Candidates out;
    decode_yolov5({levels, anchors, strides, 1, 7}, {{&threshold, 1}, filter, multi_label}, out);
    return out;
  }
};

}  // namespace

TEST(zero_logits_are_the_anchor_in_the_middle_of_the_cell) {
  const Candidates out = Small().decode(false);
  CHECK(out.splits == (std::vector<std::int64_t>{0, 2}));
  CHECK(out.classes == (std::vector<std::int32_t>{0, 0}));
  CHECK(near(out.scores[0], 0.25f));
  CHECK(near(out.boxes[0].x1, -1) && near(out.boxes[0].y1, -6) && near(out.boxes[0].x2, 9) &&
        near(out.boxes[0].y2, 14));
  CHECK(near(out.boxes[1].x1, 7) && near(out.boxes[1].x2, 17));
}

TEST(multi_label_gives_every_class_and_the_filter_takes_some_away) {
  CHECK(Small().decode(true).classes == (std::vector<std::int32_t>{0, 1, 0, 1}));
  CHECK(Small().decode(true, {0, 1}).classes == (std::vector<std::int32_t>{1, 1}));
  CHECK(Small().decode(false, {0, 1}).classes == (std::vector<std::int32_t>{1, 1}));
  CHECK(Small().decode(false, {0, 0}).classes.empty());
}

TEST(output_is_replaced_not_appended) {
  Small head;
  const Yolov5Level levels[] = {{head.logits, 1, 2}};
  Candidates out;
  for (int i = 0; i < 2; ++i)
    decode_yolov5({levels, head.anchors, head.strides, 1, 7}, {{&head.threshold, 1}, {}, true}, out);
  CHECK(out.boxes.size() == 4 && out.splits.size() == 2);
}

TEST(refuses_what_does_not_fit) {
  Small head;
  const Yolov5Level levels[] = {{head.logits, 1, 2}};
  const Yolov5Level wrong[] = {{head.logits, 2, 2}};
  Candidates out;
  const ClassSelection selection{{&head.threshold, 1}, {}, true};
  CHECK_REFUSES("levels", decode_yolov5({wrong, head.anchors, head.strides, 1, 7}, selection, out));
  CHECK_REFUSES("levels", decode_yolov5({levels, head.anchors, head.strides, 1, 5}, selection, out));
  CHECK_REFUSES("strides", decode_yolov5({levels, head.anchors, {}, 1, 7}, selection, out));
  CHECK_REFUSES("score_thresholds", decode_yolov5({levels, head.anchors, head.strides, 1, 7}, {{}, {}, true}, out));
}
