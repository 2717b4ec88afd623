#include "framecast/decode_proposals.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>
#include <limits>

#include "anchor_arguments.h"
#include "box_coder.h"
#include "kernels/score_scan.h"
#include "sigmoid.h"
#include "top_keys.h"
#include "values.h"

namespace framecast {
namespace {

void check(const RpnOutputs& outputs, const ProposalSettings& settings) {
  const std::size_t batch = outputs.image_sizes.size();
  const std::size_t anchors = outputs.anchors.size();
  require(anchors < std::numeric_limits<std::uint32_t>::max(), "anchors: must be fewer than 2^32");
  require(outputs.objectness.size == batch * anchors, "objectness: must be [images, anchors]");
  require(outputs.deltas.size == batch * anchors * 4, "deltas: must be [images, anchors, 4]");
  require_quantization(outputs.objectness, "objectness: must have a positive scale and a zero point of its type");
  require_quantization(outputs.deltas, "deltas: must have a positive scale and a zero point of its type");
  require_level_sizes(outputs.level_sizes, anchors);
  require_image_sizes(outputs.image_sizes);
  require(settings.pre_nms_top_n >= 0, "pre_nms_top_n: must not be negative");
  require(settings.post_nms_top_n >= 0 && settings.post_nms_top_n <= std::numeric_limits<std::int32_t>::max(),
          "post_nms_top_n: must be in [0, 2^31)");
  require(settings.nms_threshold >= 0 && settings.nms_threshold <= 1, "nms_threshold: must be in [0, 1]");
  require(!std::isnan(settings.score_threshold), "score_threshold: must not be NaN");
  require_box_coding(settings.min_size, settings.box_weights);
}

constexpr float kEverything = -std::numeric_limits<float>::infinity();

/// A logit that, going by about 2,000 of them, a few more than `limit` of `count` reach.
template <typename T>
float guess_bound(const Values<T>& logits, std::size_t count, std::size_t limit, std::vector<float>& sample) {
  // Odd, so that it is no multiple of anchors per cell or of a row.
  const std::size_t step = count / 2048 | 1;
  if (count < 8192 || limit > count / 4) return kEverything;
  sample.clear();
  for (std::size_t i = 0; i < count; i += step) {
    if (!std::isnan(logits[i])) sample.push_back(logits[i]);
  }
  const std::size_t rank = limit / step + limit / step / 4 + 16;
  if (rank >= sample.size()) return kEverything;
  std::nth_element(sample.begin(), sample.begin() + static_cast<std::ptrdiff_t>(rank), sample.end(), std::greater<>());
  return sample[rank];
}

/// Leaves in the scratch's keys the `limit` highest of `count` logits, best first; NaN is none of them.
template <typename T>
void choose_top(const Values<T>& logits, std::size_t count, std::size_t limit, ProposalScratch& scratch) {
  const kernels::ScoreScan<T> scan = kernels::score_scan<T>(active_isa());
  const std::size_t words = kernels::mark_words(count);
  if (scratch.marks.size() < words) scratch.marks.resize(words);
  std::uint64_t* marks = scratch.marks.data();
  float bound = guess_bound(logits, count, limit, scratch.sample);
  for (;;) {
    scan.mark(logits, count, bound, marks);
    std::size_t marked = 0;
    for (std::size_t word = 0; word < words; ++word) marked += static_cast<std::size_t>(std::popcount(marks[word]));
    if (marked >= limit || bound == kEverything) break;
    bound = kEverything;  // The sample was not like the rest.
  }
  scratch.keys.clear();
  for (std::size_t word = 0; word < words; ++word) {
    for (std::uint64_t bits = marks[word]; bits != 0; bits &= bits - 1) {
      const std::size_t index = word * 64 + static_cast<std::size_t>(std::countr_zero(bits));
      scratch.keys.push_back(falling_key(logits[index], static_cast<std::uint32_t>(index)));
    }
  }
  keep_first(scratch.keys, limit);
  std::sort(scratch.keys.begin(), scratch.keys.end());
}

/// Appends the proposals of image b.
void decode_image(const RpnOutputs& outputs, const ProposalSettings& settings, std::size_t b, ProposalScratch& scratch,
                  Proposals& out) {
  const std::size_t anchors = outputs.anchors.size();
  scratch.boxes.clear();
  scratch.scores.clear();
  scratch.levels.clear();
  std::size_t first = 0;
  for (std::size_t level = 0; level < outputs.level_sizes.size(); ++level) {
    const auto count = static_cast<std::size_t>(outputs.level_sizes[level]);
    with_values(outputs.objectness, [&](const auto& logits) {
      choose_top(logits.from(b * anchors + first), count, static_cast<std::size_t>(settings.pre_nms_top_n), scratch);
    });
    for (std::uint64_t key : scratch.keys) {
      const float score = sigmoid(number_of(key));
      if (!(score >= settings.score_threshold)) break;  // Nor do lower logits.
      const std::size_t anchor = first + index_of(key);
      const std::array<float, 4> delta = delta_at(outputs.deltas, b * anchors + anchor);
      const Box decoded = decode_delta(delta.data(), outputs.anchors[anchor], settings.box_weights);
      const Box box = clip(decoded, outputs.image_sizes[b]);
      if (!at_least(box, settings.min_size)) continue;
      scratch.boxes.push_back(box);
      scratch.scores.push_back(score);
      scratch.levels.push_back(static_cast<std::int32_t>(level));
    }
    first += count;
  }

  const std::int64_t splits[2] = {0, static_cast<std::int64_t>(scratch.boxes.size())};
  const auto limit = static_cast<std::int32_t>(settings.post_nms_top_n);
  const std::uint8_t agnostic = 0;
  std::int64_t kept_splits[2];
  if (scratch.keep.size() < scratch.boxes.size()) scratch.keep.resize(scratch.boxes.size());
  const std::size_t kept = nms({scratch.boxes, scratch.scores, scratch.levels, splits},
                               {{&settings.nms_threshold, 1}, {&kEverything, 1}, {&limit, 1}, {&agnostic, 1}},
                               scratch.keep, kept_splits, scratch.nms);
  for (std::size_t i = 0; i < kept; ++i) {
    const auto row = static_cast<std::size_t>(scratch.keep[i]);
    out.boxes.push_back(scratch.boxes[row]);
    out.scores.push_back(scratch.scores[row]);
  }
}

}  // namespace

void decode_proposals(const RpnOutputs& outputs, const ProposalSettings& settings, Proposals& out,
                      ProposalWorkspace& workspace, ThreadPool* pool) {
  check(outputs, settings);
  const std::size_t batch = outputs.image_sizes.size();
  workspace.threads.resize(std::max(workspace.threads.size(), thread_count(pool)));
  workspace.images.resize(std::max(workspace.images.size(), batch));
  run(pool, batch, [&](std::size_t b, std::size_t thread) {
    Proposals& part = workspace.images[b];
    part.boxes.clear();
    part.scores.clear();
    decode_image(outputs, settings, b, workspace.threads[thread], part);
  });
  out.boxes.clear();
  out.scores.clear();
  out.splits.assign(1, 0);
  for (std::size_t b = 0; b < batch; ++b) {
    const Proposals& part = workspace.images[b];
    out.boxes.insert(out.boxes.end(), part.boxes.begin(), part.boxes.end());
    out.scores.insert(out.scores.end(), part.scores.begin(), part.scores.end());
    out.splits.push_back(static_cast<std::int64_t>(out.boxes.size()));
  }
}

}  // namespace framecast
