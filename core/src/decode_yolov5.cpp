#include "framecast/decode_yolov5.h"

#include <cmath>
#include <limits>

#include "argument.h"
#include "class_filter.h"
#include "finite_box.h"

namespace framecast {
namespace {

constexpr std::size_t kBoxChannels = 5;

float sigmoid(float logit) { return 1.0f / (1.0f + std::exp(-logit)); }

/// A logit below which no sigmoid can exceed `score`; lets most positions go without an exponential.
float lowest_logit(float score) {
  if (score <= 0) return -std::numeric_limits<float>::infinity();
  if (score >= 1) return std::numeric_limits<float>::infinity();
  const double exact = std::log(static_cast<double>(score)) - std::log1p(-static_cast<double>(score));
  // Near 1 neighbouring float scores are many logits apart, so the margin grows with the logit.
  return static_cast<float>(exact - 0.01 - 0.1 * std::fabs(exact));
}

std::size_t check(const Yolov5Head& head, const ClassSelection& selection) {
  const std::size_t levels = head.levels.size();
  require(levels > 0, "levels: must not be empty");
  require(head.strides.size() == levels, "strides: must have one entry per level");
  require(!head.anchors.empty() && head.anchors.size() % levels == 0, "anchors: must have one row per level");
  const std::size_t anchors = head.anchors.size() / levels;
  require(head.channels % anchors == 0 && head.channels / anchors > kBoxChannels,
          "levels: channels must be anchors * (5 + classes)");
  for (const Yolov5Level& level : head.levels) {
    require(level.logits.size() == head.batch * head.channels * level.height * level.width,
            "levels: must agree in batch and channels");
  }
  for (float stride : head.strides) require(std::isfinite(stride) && stride > 0, "strides: must be positive");
  for (const Anchor& anchor : head.anchors) {
    require(std::isfinite(anchor.width) && std::isfinite(anchor.height), "anchors: must be finite");
  }
  const std::size_t classes = head.channels / anchors - kBoxChannels;
  require_selection(selection.score_thresholds, selection.class_filter, head.batch, classes);
  return classes;
}

/// One anchor of one level of one image: 5 + C planes of logits.
struct AnchorPlanes {
  const float* planes;
  std::size_t height;
  std::size_t width;
  Anchor anchor;
  float stride;
  std::size_t classes;

  float logit(std::size_t channel, std::size_t cell) const { return planes[channel * height * width + cell]; }

  Box box(std::size_t x, std::size_t y) const {
    const std::size_t cell = y * width + x;
    const float center_x = (2 * sigmoid(logit(0, cell)) - 0.5f + static_cast<float>(x)) * stride;
    const float center_y = (2 * sigmoid(logit(1, cell)) - 0.5f + static_cast<float>(y)) * stride;
    const float scale_x = 2 * sigmoid(logit(2, cell));
    const float scale_y = 2 * sigmoid(logit(3, cell));
    const float half_width = scale_x * scale_x * anchor.width / 2;
    const float half_height = scale_y * scale_y * anchor.height / 2;
    return {center_x - half_width, center_y - half_height, center_x + half_width, center_y + half_height};
  }
};

void decode_anchor(const AnchorPlanes& planes, float threshold, const AllowedClasses& allowed, bool multi_label,
                   Candidates& out) {
  const float lowest = lowest_logit(threshold);
  const float* objectness = planes.planes + 4 * planes.height * planes.width;
  for (std::size_t y = 0; y < planes.height; ++y) {
    for (std::size_t x = 0; x < planes.width; ++x) {
      const std::size_t cell = y * planes.width + x;
      // Both factors are at most 1, so each alone must reach the threshold. NaN fails the comparison.
      if (!(objectness[cell] >= lowest)) continue;
      const float object = sigmoid(objectness[cell]);
      if (!(object > threshold)) continue;
      Box box{};
      bool decoded = false;
      auto emit = [&](std::size_t c, float logit) {
        const float score = object * sigmoid(logit);
        if (!(score > threshold)) return;
        if (!decoded) box = planes.box(x, y);
        decoded = true;
        if (!is_finite(box)) return;
        out.boxes.push_back(box);
        out.scores.push_back(score);
        out.classes.push_back(static_cast<std::int32_t>(c));
      };
      std::size_t best = planes.classes;
      float best_logit = 0;
      for (std::size_t c = 0; c < planes.classes; ++c) {
        const float logit = planes.logit(kBoxChannels + c, cell);
        if (!(logit >= lowest) || !allowed[c]) continue;
        if (multi_label) {
          emit(c, logit);
        } else if (best == planes.classes || logit > best_logit) {
          best = c;
          best_logit = logit;
        }
      }
      if (best < planes.classes) emit(best, best_logit);
    }
  }
}

}  // namespace

void decode_yolov5(const Yolov5Head& head, const ClassSelection& selection, Candidates& out) {
  const std::size_t classes = check(head, selection);
  const std::size_t anchors = head.anchors.size() / head.levels.size();
  out.clear();
  out.splits.push_back(0);
  for (std::size_t b = 0; b < head.batch; ++b) {
    const AllowedClasses allowed(selection.class_filter, b, classes);
    for (std::size_t l = 0; l < head.levels.size(); ++l) {
      const Yolov5Level& level = head.levels[l];
      const std::size_t plane = level.height * level.width;
      for (std::size_t a = 0; a < anchors; ++a) {
        const float* first = level.logits.data() + (b * head.channels + a * (kBoxChannels + classes)) * plane;
        const AnchorPlanes planes{first,           level.height, level.width, head.anchors[l * anchors + a],
                                  head.strides[l], classes};
        decode_anchor(planes, selection.score_thresholds[b], allowed, selection.multi_label, out);
      }
    }
    out.splits.push_back(static_cast<std::int64_t>(out.boxes.size()));
  }
}

}  // namespace framecast
