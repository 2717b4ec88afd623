#include "framecast/decode_retinanet.h"

#include "anchor_arguments.h"
#include "box_coder.h"
#include "decode_images.h"
#include "finite_box.h"
#include "sigmoid.h"
#include "top_logits.h"

namespace framecast {

void decode_retinanet(const AnchorHeadOutputs& outputs, std::span<const std::int64_t> level_sizes,
                      const AnchorHeadSettings& settings, const std::array<float, 4>& box_weights, Candidates& out,
                      DecodeWorkspace& workspace, ThreadPool* pool) {
  require_anchor_head(outputs, settings, outputs.classes);
  require_level_sizes(level_sizes, outputs.anchors.size());
  require_box_coding(0, box_weights);
  const std::size_t classes = outputs.classes;
  auto decode = [&](std::size_t b, DecodeScratch& scratch, Candidates& part) {
    choose_classes(settings.class_filter, b, classes, scratch);
    std::size_t row = b * outputs.anchors.size();
    std::size_t first = 0;
    for (std::int64_t size : level_sizes) {
      const auto anchors = static_cast<std::size_t>(size);
      with_values(outputs.class_logits, [&]<typename T>(const Values<T>& logits) {
        find_top_logits(
            kernels::score_scan<T>(active_isa()), logits.from(row * classes), anchors * classes, classes,
            settings.score_thresholds[b], static_cast<std::size_t>(settings.top_k), scratch,
            [](std::size_t, float logit) { return sigmoid(logit); }, lowest_logit);
      });
      for (std::uint64_t key : scratch.keys) {
        const std::size_t anchor = index_of(key) / classes;
        const std::array<float, 4> delta = delta_at(outputs.deltas, row + anchor);
        const Box box =
            clip(decode_delta(delta.data(), outputs.anchors[first + anchor], box_weights), outputs.image_sizes[b]);
        if (!is_finite(box)) continue;
        append(part, box, number_of(key), index_of(key) % classes);
        part.sources.push_back(static_cast<std::int64_t>(first + anchor));
      }
      row += anchors;
      first += anchors;
    }
  };
  decode_images(outputs.image_sizes.size(), out, workspace, pool, decode);
}

}  // namespace framecast
