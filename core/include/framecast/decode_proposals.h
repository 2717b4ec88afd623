#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "framecast/box.h"
#include "framecast/image_size.h"
#include "framecast/nms.h"
#include "framecast/tensor.h"
#include "framecast/thread_pool.h"

namespace framecast {

/// The outputs of a region proposal network over a batch of images.
struct RpnOutputs {
  Tensor objectness;                          ///< [B * N] logits.
  Tensor deltas;                              ///< [B * N * 4]: dx, dy, dw, dh.
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

/// What one thread needs for one image at a time.
struct ProposalScratch {
  std::vector<float> sample;
  std::vector<std::uint64_t> marks;  ///< A bit per logit that may be among the top.
  std::vector<std::uint64_t> keys;   ///< Logit and anchor of those.
  std::vector<Box> boxes;
  std::vector<float> scores;
  std::vector<std::int32_t> levels;
  std::vector<std::int64_t> keep;
  NmsWorkspace nms;
};

/// Memory of `decode_proposals`, reused across calls; one per caller.
struct ProposalWorkspace {
  std::vector<ProposalScratch> threads;
  std::vector<Proposals> images;  ///< What each image gives, where several threads work.
};

/// Chooses and decodes region proposals as torchvision's RegionProposalNetwork.filter_proposals does.
///
/// Per level the top logits, decoded (dw, dh clamped at log(1000 / 16)), clipped to the image, small and low-scored
/// ones dropped, NMS within each level, then the best of all levels. Ties go to the lower level, then the lower anchor.
/// A NaN logit takes no place among the top; a box with a NaN does, and is dropped.
/// Images are shared among the threads of `pool`, where there is one.
/// Throws std::invalid_argument, naming the argument, where lengths or values do not fit.
void decode_proposals(const RpnOutputs& outputs, const ProposalSettings& settings, Proposals& out,
                      ProposalWorkspace& workspace, ThreadPool* pool = nullptr);

}  // namespace framecast
