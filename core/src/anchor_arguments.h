#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

#include "class_filter.h"
#include "framecast/anchor_head.h"
#include "rcnn_arguments.h"
#include "values.h"

namespace framecast {

inline void require_level_sizes(std::span<const std::int64_t> level_sizes, std::size_t anchors) {
  std::size_t total = 0;
  for (std::int64_t size : level_sizes) {
    require(size >= 0 && static_cast<std::size_t>(size) <= anchors - total,
            "level_sizes: must not be negative and must sum to the anchors");
    total += static_cast<std::size_t>(size);
  }
  require(total == anchors, "level_sizes: must sum to the anchors");
}

/// `columns` of the class logits: the classes, and the background where the head has one.
inline void require_anchor_head(const AnchorHeadOutputs& outputs, const AnchorHeadSettings& settings,
                                std::size_t columns) {
  const std::size_t batch = outputs.image_sizes.size();
  const std::size_t anchors = outputs.anchors.size();
  require(outputs.classes > 0, "class_logits: must have at least one class");
  require(outputs.class_logits.size == batch * anchors * columns, "class_logits: must be [images, anchors, columns]");
  require(anchors == 0 || columns <= std::numeric_limits<std::uint32_t>::max() / anchors,
          "class_logits: an image must have fewer than 2^32 scores");
  require(outputs.deltas.size == batch * anchors * 4, "deltas: must be [images, anchors, 4]");
  require_quantization(outputs.class_logits, "class_logits: must have a positive scale and a zero point of its type");
  require_quantization(outputs.deltas, "deltas: must have a positive scale and a zero point of its type");
  require_image_sizes(outputs.image_sizes);
  require_selection(settings.score_thresholds, settings.class_filter, batch, outputs.classes);
  require(settings.top_k >= 0, "top_k: must not be negative");
}

}  // namespace framecast
