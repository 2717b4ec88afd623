#include "framecast/decode_boxes.h"

#include "box_coder.h"
#include "class_filter.h"
#include "decode_images.h"
#include "rcnn_arguments.h"
#include "softmax_row.h"
#include "values.h"

namespace framecast {
namespace {

void check(const BoxHeadOutputs& outputs, const BoxSettings& settings) {
  const std::size_t rows = outputs.proposals.size();
  const std::size_t columns = outputs.classes + 1;
  require(outputs.classes > 0, "class_logits: must have a background and at least one class");
  require(outputs.class_logits.size == rows * columns, "class_logits: must be [proposals, classes + 1]");
  require(outputs.deltas.size == rows * columns * 4, "deltas: must be [proposals, 4 * (classes + 1)]");
  require_quantization(outputs.class_logits, "class_logits: must have a positive scale and a zero point of its type");
  require_quantization(outputs.deltas, "deltas: must have a positive scale and a zero point of its type");
  require_splits(outputs.splits, rows, "splits");
  const std::size_t batch = outputs.splits.size() - 1;
  require(outputs.image_sizes.size() == batch, "image_sizes: must have one row per image");
  require_image_sizes(outputs.image_sizes);
  require_selection(settings.score_thresholds, settings.class_filter, batch, outputs.classes);
  require_box_coding(settings.min_size, settings.box_weights);
}

}  // namespace

void decode_boxes(const BoxHeadOutputs& outputs, const BoxSettings& settings, Candidates& out,
                  DecodeWorkspace& workspace, ThreadPool* pool) {
  check(outputs, settings);
  const std::size_t columns = outputs.classes + 1;
  decode_images(
      outputs.splits.size() - 1, out, workspace, pool, [&](std::size_t b, DecodeScratch& scratch, Candidates& part) {
        choose_classes(settings.class_filter, b, outputs.classes, scratch);
        const float threshold = settings.score_thresholds[b];
        const float lowest = lowest_logit(threshold);
        const auto end = static_cast<std::size_t>(outputs.splits[b + 1]);
        with_values(outputs.class_logits, [&]<typename T>(const Values<T>& logits) {
          const kernels::ScoreScan<T> scan = kernels::score_scan<T>(active_isa());
          for (auto row = static_cast<std::size_t>(outputs.splits[b]); row < end; ++row) {
            search_softmax_row(scan, logits.from(row * columns), outputs.classes, threshold, lowest, scratch,
                               [&](std::size_t c, float score) {
                                 const std::array<float, 4> delta = delta_at(outputs.deltas, row * columns + c + 1);
                                 const Box decoded =
                                     decode_delta(delta.data(), outputs.proposals[row], settings.box_weights);
                                 const Box box = clip(decoded, outputs.image_sizes[b]);
                                 if (!at_least(box, settings.min_size)) return;
                                 append(part, box, score, c);
                                 part.sources.push_back(static_cast<std::int64_t>(row));
                               });
          }
        });
      });
}

}  // namespace framecast
