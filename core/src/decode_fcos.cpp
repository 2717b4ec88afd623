#include "framecast/decode_fcos.h"

#include <cmath>
#include <limits>

#include "anchor_arguments.h"
#include "box_coder.h"
#include "decode_images.h"
#include "finite_box.h"
#include "sigmoid.h"
#include "top_logits.h"

namespace framecast {
namespace {

/// The box whose edges lie `distances` (in widths and heights of the anchor) from the anchor's centre, in the order of
/// operations of torchvision's BoxLinearCoder.decode.
Box decode_distances(const std::array<float, 4>& distances, const Box& anchor) {
  const float center_x = 0.5f * (anchor.x1 + anchor.x2);
  const float center_y = 0.5f * (anchor.y1 + anchor.y2);
  const float width = anchor.x2 - anchor.x1;
  const float height = anchor.y2 - anchor.y1;
  return {center_x - distances[0] * width, center_y - distances[1] * height, center_x + distances[2] * width,
          center_y + distances[3] * height};
}

/// The centerness is at most 1, so the class alone must reach the square.
float lowest_class_logit(float score) { return lowest_logit(score > 0 ? score * score : score); }

}  // namespace

void decode_fcos(const AnchorHeadOutputs& outputs, const Tensor& centerness, std::span<const std::int64_t> level_sizes,
                 const AnchorHeadSettings& settings, Candidates& out, DecodeWorkspace& workspace, ThreadPool* pool) {
  require_anchor_head(outputs, settings, outputs.classes);
  require_level_sizes(level_sizes, outputs.anchors.size());
  require(centerness.size == outputs.image_sizes.size() * outputs.anchors.size(),
          "centerness: must be [images, anchors]");
  require_quantization(centerness, "centerness: must have a positive scale and a zero point of its type");
  const std::size_t classes = outputs.classes;
  auto decode = [&](std::size_t b, DecodeScratch& scratch, Candidates& part) {
    choose_classes(settings.class_filter, b, classes, scratch);
    std::size_t row = b * outputs.anchors.size();
    std::size_t first = 0;
    for (std::int64_t size : level_sizes) {
      const auto anchors = static_cast<std::size_t>(size);
      std::size_t asked = std::numeric_limits<std::size_t>::max();
      float center = 0;
      auto score_of = [&](std::size_t index, float logit) {
        const std::size_t anchor = index / classes;
        if (anchor != asked) center = sigmoid(number_at(centerness, row + anchor));
        asked = anchor;
        return std::sqrt(sigmoid(logit) * center);
      };
      with_values(outputs.class_logits, [&]<typename T>(const Values<T>& logits) {
        find_top_logits(kernels::score_scan<T>(active_isa()), logits.from(row * classes), anchors * classes, classes,
                        settings.score_thresholds[b], static_cast<std::size_t>(settings.top_k), scratch, score_of,
                        lowest_class_logit);
      });
      for (std::uint64_t key : scratch.keys) {
        const std::size_t anchor = index_of(key) / classes;
        const Box box = clip(decode_distances(delta_at(outputs.deltas, row + anchor), outputs.anchors[first + anchor]),
                             outputs.image_sizes[b]);
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
