#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "framecast/box.h"
#include "framecast/image_size.h"
#include "framecast/nms.h"

namespace framecast {

/// The outputs of a region proposal network over a batch of images.
struct RpnOutputs {
  std::span<const float> objectness;          ///< [B * N] logits.
  std::span<const float> deltas;              ///< [B * N * 4]: dx, dy, dw, dh.
  std::span<const Box> anchors;               ///< [N], network-input pixels, shared by the batch.
  std::span<const std::int64_t> level_sizes;  ///< [L], anchors per level, in order; they sum to N.
  std::span<const ImageSize> image_sizes;     ///< [B], what proposals are clipped to.
};

struct ProposalSettings {
  std::int64_t pre_nms_top_n;        ///< Kept per image and level before NMS; at least 0.
  std::int64_t post_nms_top_n;       ///< Kept per image after NMS; at least 0.
  float nms_threshold;               ///< In [0, 1].
  float score_threshold;             ///< sigmoid(objectness) >= threshold enters.
  float min_size;                    ///< Pixels; a narrower or lower proposal is dropped after clipping.
  std::array<float, 4> box_weights;  ///< What dx, dy, dw, dh are divided by.
};

/// Proposals of a batch: image b owns rows splits[b] to splits[b + 1], by falling score.
struct Proposals {
  std::vector<Box> boxes;
  std::vector<float> scores;
  std::vector<std::int64_t> splits;
};

/// Memory of `decode_proposals`, reused across calls; one per thread.
struct ProposalWorkspace {
  std::vector<std::uint32_t> order;
  std::vector<Box> boxes;
  std::vector<float> scores;
  std::vector<std::int32_t> levels;
  std::vector<std::int64_t> keep;
  NmsWorkspace nms;
};

/// Chooses and decodes region proposals as torchvision's RegionProposalNetwork.filter_proposals does.
///
/// Per level the top logits, decoded (dw, dh clamped at log(1000 / 16)), clipped to the image, small and low-scored
/// ones dropped, NMS within each level, then the best of all levels. Ties go to the lower level, then the lower anchor.
/// A NaN logit or delta drops its anchor before it can take a place among the top.
/// Throws std::invalid_argument, naming the argument, where lengths or values do not fit.
void decode_proposals(const RpnOutputs& outputs, const ProposalSettings& settings, Proposals& out,
                      ProposalWorkspace& workspace);

}  // namespace framecast
