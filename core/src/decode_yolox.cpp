#include "framecast/decode_yolox.h"

#include <cmath>

#include "argument.h"
#include "class_filter.h"
#include "finite_box.h"

namespace framecast {
namespace {

constexpr std::size_t kBoxChannels = 5;

void check(const YoloxHead& head, const ClassSelection& selection) {
  require(head.classes > 0 && head.output.size() == head.batch * head.positions * (kBoxChannels + head.classes),
          "output: must be [batch, positions, 5 + classes]");
  require(!head.strides.empty(), "strides: must not be empty");
  std::size_t expected = 0;
  for (std::int32_t stride : head.strides) {
    require(stride > 0, "strides: must be positive");
    const auto step = static_cast<std::size_t>(stride);
    require(head.height % step == 0 && head.width % step == 0, "input_size: must be a multiple of every stride");
    expected += (head.height / step) * (head.width / step);
  }
  require(expected == head.positions, "output: its positions do not fit the strides and the input size");
  require_selection(selection.score_thresholds, selection.class_filter, head.batch, head.classes);
}

Box decode(const float* row, float x, float y, float stride) {
  const float center_x = (row[0] + x) * stride;
  const float center_y = (row[1] + y) * stride;
  const float half_width = std::exp(row[2]) * stride / 2;
  const float half_height = std::exp(row[3]) * stride / 2;
  return {center_x - half_width, center_y - half_height, center_x + half_width, center_y + half_height};
}

}  // namespace

void decode_yolox(const YoloxHead& head, const ClassSelection& selection, Candidates& out) {
  check(head, selection);
  out.clear();
  out.splits.push_back(0);
  const float* row = head.output.data();
  for (std::size_t b = 0; b < head.batch; ++b) {
    const AllowedClasses allowed(selection.class_filter, b, head.classes);
    const float threshold = selection.score_thresholds[b];
    for (std::int32_t stride : head.strides) {
      const std::size_t rows = head.height / static_cast<std::size_t>(stride);
      const std::size_t columns = head.width / static_cast<std::size_t>(stride);
      for (std::size_t position = 0; position < rows * columns; ++position, row += kBoxChannels + head.classes) {
        const float object = row[4];
        // No early exit on objectness: it is given as a number, and nothing holds the class factor at or below 1.
        Box box{};
        bool decoded = false;
        auto emit = [&](std::size_t c, float score) {
          if (!decoded) {
            box = decode(row, static_cast<float>(position % columns), static_cast<float>(position / columns),
                         static_cast<float>(stride));
            decoded = true;
          }
          if (!is_finite(box)) return;
          out.boxes.push_back(box);
          out.scores.push_back(score);
          out.classes.push_back(static_cast<std::int32_t>(c));
        };
        std::size_t best = head.classes;
        float best_score = 0;
        for (std::size_t c = 0; c < head.classes; ++c) {
          const float score = object * row[kBoxChannels + c];
          if (!(score > threshold) || !allowed[c]) continue;
          if (selection.multi_label) {
            emit(c, score);
          } else if (best == head.classes || score > best_score) {
            best = c;
            best_score = score;
          }
        }
        if (best < head.classes) emit(best, best_score);
      }
    }
    out.splits.push_back(static_cast<std::int64_t>(out.boxes.size()));
  }
}

}  // namespace framecast
