#include "framecast/decode_yolov5.h"

#include <cmath>
#include <limits>

#include "argument.h"
#include "class_filter.h"
#include "class_planes.h"
#include "decode_images.h"
#include "finite_box.h"
#include "kernels/score_scan.h"
#include "sigmoid.h"
#include "values.h"

namespace framecast {
namespace {

constexpr std::size_t kBoxChannels = 5;

std::size_t check(const Yolov5Head& head, const ClassSelection& selection) {
  const std::size_t levels = head.levels.size();
  require(levels > 0, "levels: must not be empty");
  require(head.strides.size() == levels, "strides: must have one entry per level");
  require(!head.anchors.empty() && head.anchors.size() % levels == 0, "anchors: must have one row per level");
  const std::size_t anchors = head.anchors.size() / levels;
  require(head.channels % anchors == 0 && head.channels / anchors > kBoxChannels,
          "levels: channels must be anchors * (5 + classes)");
  for (const Yolov5Level& level : head.levels) {
    require(level.logits.size == head.batch * head.channels * level.height * level.width,
            "levels: must agree in batch and channels");
    require(level.height * level.width < std::numeric_limits<std::uint32_t>::max(),
            "levels: must have fewer than 2^32 cells");
    require_quantization(level.logits, "levels: must have a positive scale and a zero point of their type");
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
template <typename T>
struct AnchorPlanes {
  Values<T> planes;
  std::size_t height;
  std::size_t width;
  Anchor anchor;
  float stride;

  std::size_t cells() const { return height * width; }

  Box box(std::size_t cell) const {
    auto value = [&](std::size_t channel) { return sigmoid(planes[channel * cells() + cell]); };
    const float center_x = (2 * value(0) - 0.5f + static_cast<float>(cell % width)) * stride;
    const float center_y = (2 * value(1) - 0.5f + static_cast<float>(cell / width)) * stride;
    const float scale_x = 2 * value(2);
    const float scale_y = 2 * value(3);
    const float half_width = scale_x * scale_x * anchor.width / 2;
    const float half_height = scale_y * scale_y * anchor.height / 2;
    return {center_x - half_width, center_y - half_height, center_x + half_width, center_y + half_height};
  }
};

/// Decodes what passes in the scratch's blocks, whose bounds and objects are set, and clears the blocks.
template <typename T>
void decode_blocks(const kernels::ScoreScan<T>& scan, const AnchorPlanes<T>& anchor, float threshold, bool multi_label,
                   DecodeScratch& scratch, Candidates& out) {
  std::uint32_t decoded = std::numeric_limits<std::uint32_t>::max();
  Box box{};
  bool finite = false;
  const Values<T> classes = anchor.planes.from(kBoxChannels * anchor.cells());
  search_class_planes(scan, classes, anchor.cells(), multi_label, scratch, [&](const ClassHit& hit) {
    const float score = scratch.objects[hit.slot] * sigmoid(hit.value);
    if (!(score > threshold)) return;
    if (hit.slot != decoded) {
      box = anchor.box(scratch.starts[hit.slot / kernels::kScanBlock] + hit.slot % kernels::kScanBlock);
      finite = is_finite(box);
      decoded = hit.slot;
    }
    if (finite) append(out, box, score, static_cast<std::size_t>(hit.class_index));
  });
  clear_blocks(scratch);
}

/// Adds the block of cells from `start` on whose bits in `passing` say that their objectness may pass.
template <typename T>
void add_block(const Values<T>& objectness, std::size_t start, std::uint32_t passing, float threshold,
               DecodeScratch& scratch) {
  const std::size_t first = scratch.bounds.size();
  scratch.bounds.resize(first + kernels::kScanBlock, std::numeric_limits<float>::quiet_NaN());
  scratch.objects.resize(first + kernels::kScanBlock, 0);
  for (; passing != 0; passing &= passing - 1) {
    const auto lane = static_cast<std::size_t>(__builtin_ctz(passing));
    const float object = sigmoid(objectness[start + lane]);
    if (!(object > threshold)) continue;
    scratch.objects[first + lane] = object;
    scratch.bounds[first + lane] = lowest_factor_logit(object, threshold);
  }
  scratch.starts.push_back(static_cast<std::uint32_t>(start));
}

template <typename T>
void decode_anchor(const kernels::ScoreScan<T>& scan, const AnchorPlanes<T>& anchor, float threshold, bool multi_label,
                   DecodeScratch& scratch, Candidates& out) {
  const std::size_t words = kernels::mark_words(anchor.cells());
  if (scratch.marks.size() < words) scratch.marks.resize(words);
  const Values<T> objectness = anchor.planes.from(4 * anchor.cells());
  // Both factors are at most 1, so each alone must reach the threshold. NaN fails the comparison.
  scan.mark(objectness, anchor.cells(), lowest_logit(threshold), scratch.marks.data());
  for (std::size_t word = 0; word < words; ++word) {
    const std::uint64_t marks = scratch.marks[word];
    if (marks == 0) continue;
    for (std::size_t lane = 0; lane < 64; lane += kernels::kScanBlock) {
      const auto passing = static_cast<std::uint32_t>(marks >> lane & 0xffffu);
      if (passing != 0) add_block(objectness, word * 64 + lane, passing, threshold, scratch);
    }
    if (scratch.starts.size() >= kBlocksAtOnce) decode_blocks(scan, anchor, threshold, multi_label, scratch, out);
  }
  decode_blocks(scan, anchor, threshold, multi_label, scratch, out);
}

}  // namespace

void decode_yolov5(const Yolov5Head& head, const ClassSelection& selection, Candidates& out, DecodeWorkspace& workspace,
                   ThreadPool* pool) {
  const std::size_t classes = check(head, selection);
  const std::size_t anchors = head.anchors.size() / head.levels.size();
  decode_images(head.batch, out, workspace, pool, [&](std::size_t b, DecodeScratch& scratch, Candidates& part) {
    choose_classes(selection.class_filter, b, classes, scratch);
    clear_blocks(scratch);
    for (std::size_t i = 0; i < head.anchors.size(); ++i) {
      const Yolov5Level& level = head.levels[i / anchors];
      const std::size_t first =
          (b * head.channels + i % anchors * (kBoxChannels + classes)) * level.height * level.width;
      with_values(level.logits, [&]<typename T>(const Values<T>& logits) {
        const AnchorPlanes<T> anchor{logits.from(first), level.height, level.width, head.anchors[i],
                                     head.strides[i / anchors]};
        decode_anchor(kernels::score_scan<T>(active_isa()), anchor, selection.score_thresholds[b],
                      selection.multi_label, scratch, part);
      });
    }
  });
}

}  // namespace framecast
