#include "framecast/decode_proposals.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "box_coder.h"
#include "rcnn_arguments.h"

namespace framecast {
namespace {

void check(const RpnOutputs& outputs, const ProposalSettings& settings) {
  const std::size_t batch = outputs.image_sizes.size();
  const std::size_t anchors = outputs.anchors.size();
  require(anchors < std::numeric_limits<std::uint32_t>::max(), "anchors: must be fewer than 2^32");
  require(outputs.objectness.size() == batch * anchors, "objectness: must be [images, anchors]");
  require(outputs.deltas.size() == batch * anchors * 4, "deltas: must be [images, anchors, 4]");
  std::size_t total = 0;
  for (std::int64_t size : outputs.level_sizes) {
    require(size >= 0 && static_cast<std::size_t>(size) <= anchors - total,
            "level_sizes: must not be negative and must sum to the anchors");
    total += static_cast<std::size_t>(size);
  }
  require(total == anchors, "level_sizes: must sum to the anchors");
  require_image_sizes(outputs.image_sizes);
  require(settings.pre_nms_top_n >= 0, "pre_nms_top_n: must not be negative");
  require(settings.post_nms_top_n >= 0 && settings.post_nms_top_n <= std::numeric_limits<std::int32_t>::max(),
          "post_nms_top_n: must be in [0, 2^31)");
  require(settings.nms_threshold >= 0 && settings.nms_threshold <= 1, "nms_threshold: must be in [0, 1]");
  require(!std::isnan(settings.score_threshold), "score_threshold: must not be NaN");
  require_box_coding(settings.min_size, settings.box_weights);
}

/// Leaves in `order` the anchors of [first, first + count) with the highest logits, best first.
void choose_top(const float* logits, std::size_t first, std::size_t count, std::size_t limit,
                std::vector<std::uint32_t>& order) {
  order.clear();
  for (std::size_t i = first; i < first + count; ++i) {
    if (!std::isnan(logits[i])) order.push_back(static_cast<std::uint32_t>(i));
  }
  auto better = [logits](std::uint32_t a, std::uint32_t b) {
    return logits[a] > logits[b] || (logits[a] == logits[b] && a < b);
  };
  if (order.size() > limit) {
    std::nth_element(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(limit), order.end(), better);
    order.resize(limit);
  }
  std::sort(order.begin(), order.end(), better);
}

}  // namespace

void decode_proposals(const RpnOutputs& outputs, const ProposalSettings& settings, Proposals& out,
                      ProposalWorkspace& workspace) {
  check(outputs, settings);
  out.boxes.clear();
  out.scores.clear();
  out.splits.assign(1, 0);
  const std::size_t anchors = outputs.anchors.size();
  for (std::size_t b = 0; b < outputs.image_sizes.size(); ++b) {
    const float* logits = outputs.objectness.data() + b * anchors;
    const float* deltas = outputs.deltas.data() + b * anchors * 4;
    workspace.boxes.clear();
    workspace.scores.clear();
    workspace.levels.clear();
    std::size_t first = 0;
    for (std::size_t level = 0; level < outputs.level_sizes.size(); ++level) {
      const auto count = static_cast<std::size_t>(outputs.level_sizes[level]);
      choose_top(logits, first, count, static_cast<std::size_t>(settings.pre_nms_top_n), workspace.order);
      first += count;
      for (std::uint32_t anchor : workspace.order) {
        const float score = 1.0f / (1.0f + std::exp(-logits[anchor]));
        if (!(score >= settings.score_threshold)) continue;
        const Box decoded =
            decode_delta(deltas + 4 * std::size_t{anchor}, outputs.anchors[anchor], settings.box_weights);
        const Box box = clip(decoded, outputs.image_sizes[b]);
        if (!at_least(box, settings.min_size)) continue;
        workspace.boxes.push_back(box);
        workspace.scores.push_back(score);
        workspace.levels.push_back(static_cast<std::int32_t>(level));
      }
    }

    const std::int64_t splits[2] = {0, static_cast<std::int64_t>(workspace.boxes.size())};
    const float everything = -std::numeric_limits<float>::infinity();
    const auto limit = static_cast<std::int32_t>(settings.post_nms_top_n);
    const std::uint8_t agnostic = 0;
    std::int64_t kept_splits[2];
    workspace.keep.resize(workspace.boxes.size());
    const std::size_t kept = nms({workspace.boxes, workspace.scores, workspace.levels, splits},
                                 {{&settings.nms_threshold, 1}, {&everything, 1}, {&limit, 1}, {&agnostic, 1}},
                                 workspace.keep, kept_splits, workspace.nms);
    for (std::size_t i = 0; i < kept; ++i) {
      const auto row = static_cast<std::size_t>(workspace.keep[i]);
      out.boxes.push_back(workspace.boxes[row]);
      out.scores.push_back(workspace.scores[row]);
    }
    out.splits.push_back(static_cast<std::int64_t>(out.boxes.size()));
  }
}

}  // namespace framecast
