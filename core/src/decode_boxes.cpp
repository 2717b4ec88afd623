#include "framecast/decode_boxes.h"

#include <algorithm>
#include <cmath>

#include "box_coder.h"
#include "class_filter.h"
#include "rcnn_arguments.h"

namespace framecast {
namespace {

void check(const BoxHeadOutputs& outputs, const BoxSettings& settings) {
  const std::size_t rows = outputs.proposals.size();
  const std::size_t columns = outputs.classes + 1;
  require(outputs.classes > 0, "class_logits: must have a background and at least one class");
  require(outputs.class_logits.size() == rows * columns, "class_logits: must be [proposals, classes + 1]");
  require(outputs.deltas.size() == rows * columns * 4, "deltas: must be [proposals, 4 * (classes + 1)]");
  require_splits(outputs.splits, rows, "splits");
  const std::size_t batch = outputs.splits.size() - 1;
  require(outputs.image_sizes.size() == batch, "image_sizes: must have one row per image");
  require_image_sizes(outputs.image_sizes);
  require_selection(settings.score_thresholds, settings.class_filter, batch, outputs.classes);
  require_box_coding(settings.min_size, settings.box_weights);
}

}  // namespace

void decode_boxes(const BoxHeadOutputs& outputs, const BoxSettings& settings, Candidates& out,
                  std::vector<std::int64_t>& sources) {
  check(outputs, settings);
  out.clear();
  out.splits.push_back(0);
  sources.clear();
  const std::size_t columns = outputs.classes + 1;
  for (std::size_t b = 0; b + 1 < outputs.splits.size(); ++b) {
    const AllowedClasses allowed(settings.class_filter, b, outputs.classes);
    const auto end = static_cast<std::size_t>(outputs.splits[b + 1]);
    for (auto row = static_cast<std::size_t>(outputs.splits[b]); row < end; ++row) {
      const float* logits = outputs.class_logits.data() + row * columns;
      const float* deltas = outputs.deltas.data() + row * columns * 4;
      const float largest = *std::max_element(logits, logits + columns);
      float sum = 0;  // NaN, and inf - inf, end up here and make every score of the row NaN.
      for (std::size_t c = 0; c < columns; ++c) sum += std::exp(logits[c] - largest);
      for (std::size_t c = 1; c < columns; ++c) {
        if (!allowed[c - 1]) continue;
        const float score = std::exp(logits[c] - largest) / sum;
        if (!(score > settings.score_thresholds[b])) continue;
        const Box decoded = decode_delta(deltas + 4 * c, outputs.proposals[row], settings.box_weights);
        const Box box = clip(decoded, outputs.image_sizes[b]);
        if (!at_least(box, settings.min_size)) continue;
        out.boxes.push_back(box);
        out.scores.push_back(score);
        out.classes.push_back(static_cast<std::int32_t>(c - 1));
        sources.push_back(static_cast<std::int64_t>(row));
      }
    }
    out.splits.push_back(static_cast<std::int64_t>(out.boxes.size()));
  }
}

}  // namespace framecast
