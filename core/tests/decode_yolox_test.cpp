#include "framecast/decode_yolox.h"

#include <cmath>
#include <limits>
#include <stdexcept>
#include <vector>

#include "check.h"

using namespace framecast;

namespace {

// A 16 x 32 input at strides 8 and 16: 2 * 4 + 1 * 2 positions of one class.
const std::int32_t kStrides[] = {8, 16};

Candidates decode(const std::vector<float>& output, float threshold) {
  Candidates out;
  DecodeWorkspace workspace;
  decode_yolox({output, kStrides, 1, 10, 1, 16, 32}, {{&threshold, 1}, {}, false}, out, workspace);
  return out;
}

}  // namespace

TEST(positions_run_over_levels_then_rows_then_columns) {
  std::vector<float> output(60, 0);
  for (std::size_t i = 0; i < 10; ++i) {
    output[6 * i + 4] = 0.5f;
    output[6 * i + 5] = static_cast<float>(i) / 10;
  }
  const Candidates out = decode(output, 0.22f);
  CHECK(out.splits.back() == 5);
  CHECK((out.boxes[0] == Box{4, 4, 12, 12}));  // Position 5: row 1, column 1 of stride 8.
  CHECK((out.boxes[4] == Box{8, -8, 24, 8}));  // Position 9: row 0, column 1 of stride 16.
  CHECK(std::fabs(out.scores[4] - 0.45f) < 1e-6f);
}

TEST(an_overflowing_box_is_dropped) {
  std::vector<float> output(60, 0.9f);
  output[3] = 200;
  output[6] = std::numeric_limits<float>::quiet_NaN();
  CHECK(decode(output, 0.1f).boxes.size() == 8);
}

TEST(refuses_what_does_not_fit) {
  const std::vector<float> output(60);
  const float threshold = 0;
  const ClassSelection selection{{&threshold, 1}, {}, false};
  Candidates out;
  DecodeWorkspace workspace;
  CHECK_REFUSES("output", decode_yolox({output, kStrides, 1, 9, 1, 16, 32}, selection, out, workspace));
  CHECK_REFUSES("output", decode_yolox({output, kStrides, 1, 10, 1, 32, 32}, selection, out, workspace));
  CHECK_REFUSES("input_size", decode_yolox({output, kStrides, 1, 10, 1, 16, 40}, selection, out, workspace));
  CHECK_REFUSES("strides", decode_yolox({output, {}, 1, 10, 1, 16, 32}, selection, out, workspace));
}
