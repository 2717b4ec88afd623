#include "framecast/decode_ssd.h"

#include <algorithm>

#include "anchor_arguments.h"
#include "box_coder.h"
#include "decode_images.h"
#include "finite_box.h"
#include "softmax_row.h"
#include "top_keys.h"

namespace framecast {
namespace {

/// Sorts the hits, whose slots are anchors, into keys by class; class c then owns keys counters[c] to counters[c + 1].
void sort_by_class(std::size_t classes, DecodeScratch& scratch) {
  auto& counters = scratch.counters;
  // Moved on by one class while filling, so that they end as the beginnings.
  counters.assign(classes + 2, 0);
  for (const ClassHit& hit : scratch.hits) ++counters[static_cast<std::size_t>(hit.class_index) + 2];
  for (std::size_t c = 2; c < counters.size(); ++c) counters[c] += counters[c - 1];
  scratch.keys.resize(scratch.hits.size());
  for (const ClassHit& hit : scratch.hits) {
    scratch.keys[counters[static_cast<std::size_t>(hit.class_index) + 1]++] = falling_key(hit.value, hit.slot);
  }
}

}  // namespace

void decode_ssd(const AnchorHeadOutputs& outputs, const AnchorHeadSettings& settings,
                const std::array<float, 4>& box_weights, Candidates& out, DecodeWorkspace& workspace,
                ThreadPool* pool) {
  const std::size_t classes = outputs.classes;
  require_anchor_head(outputs, settings, classes + 1);
  require_box_coding(0, box_weights);
  const std::size_t anchors = outputs.anchors.size();
  const auto limit = static_cast<std::size_t>(settings.top_k);
  auto decode = [&](std::size_t b, DecodeScratch& scratch, Candidates& part) {
    choose_classes(settings.class_filter, b, classes, scratch);
    scratch.hits.clear();
    const float threshold = settings.score_thresholds[b];
    with_values(outputs.class_logits, [&]<typename T>(const Values<T>& logits) {
      const kernels::ScoreScan<T> scan = kernels::score_scan<T>(active_isa());
      const float lowest = lowest_logit(threshold);
      for (std::size_t anchor = 0; anchor < anchors; ++anchor) {
        const Values<T> row = logits.from((b * anchors + anchor) * (classes + 1));
        search_softmax_row(scan, row, classes, threshold, lowest, scratch, [&](std::size_t c, float score) {
          scratch.hits.push_back({static_cast<std::uint32_t>(anchor), static_cast<std::int32_t>(c), score});
        });
      }
    });
    sort_by_class(classes, scratch);
    for (std::size_t c = 0; c < classes; ++c) {
      const auto begin = scratch.keys.begin() + scratch.counters[c];
      const auto end = scratch.keys.begin() + scratch.counters[c + 1];
      const auto last = static_cast<std::size_t>(end - begin) > limit ? begin + settings.top_k : end;
      if (last != end) std::nth_element(begin, last, end);
      std::sort(begin, last);
      for (auto key = begin; key != last; ++key) {
        const std::array<float, 4> delta = delta_at(outputs.deltas, b * anchors + index_of(*key));
        const Box box =
            clip(decode_delta(delta.data(), outputs.anchors[index_of(*key)], box_weights), outputs.image_sizes[b]);
        if (!is_finite(box)) continue;
        append(part, box, number_of(*key), c);
        part.sources.push_back(index_of(*key));
      }
    }
  };
  decode_images(outputs.image_sizes.size(), out, workspace, pool, decode);
}

}  // namespace framecast
