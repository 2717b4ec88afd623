#include "framecast/decode_detections.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "argument.h"
#include "class_filter.h"
#include "class_planes.h"
#include "score_rows.h"
#include "values.h"

namespace framecast {
namespace {

ScoreRowLayout check(const DetectionHead& head, const ClassSelection& selection) {
  const ScoreRowLayout layout{head.channels, head.classes, head.objectness};
  require(head.classes > 0, "classes: must be at least 1");
  require(head.channels >= layout.first_class() && head.channels - layout.first_class() >= head.classes,
          "output: must have x, y, width, height, the objectness if any, and all classes");
  require(head.positions < std::numeric_limits<std::uint32_t>::max(), "output: must have fewer than 2^32 positions");
  require(head.output.size == head.batch * head.positions * head.channels,
          "output: must be [batch, positions, channels] or [batch, channels, positions]");
  require_quantization(head.output, "output: must have a positive scale and a zero point of its type");
  require_selection(selection.score_thresholds, selection.class_filter, head.batch, head.classes);
  return layout;
}

Box corners(float x, float y, float width, float height) {
  return {x - width / 2, y - height / 2, x + width / 2, y + height / 2};
}

/// What the scratch's blocks are compared with, where channels come first: set for the positions from `start` on.
template <typename T>
void add_block(const Values<T>& planes, const DetectionHead& head, float threshold, std::size_t start,
               std::uint32_t passing, DecodeScratch& scratch) {
  const std::size_t first = scratch.bounds.size();
  scratch.starts.push_back(static_cast<std::uint32_t>(start));
  scratch.objects.resize(first + kernels::kScanBlock, 1);
  if (!head.objectness) {
    scratch.bounds.resize(first + kernels::kScanBlock, threshold);
    return;
  }
  scratch.bounds.resize(first + kernels::kScanBlock, std::numeric_limits<float>::quiet_NaN());
  for (; passing != 0; passing &= passing - 1) {
    const auto lane = static_cast<std::size_t>(__builtin_ctz(passing));
    const float object = planes[4 * head.positions + start + lane];
    if (!(object > threshold)) continue;
    scratch.objects[first + lane] = object;
    scratch.bounds[first + lane] = lowest_factor(object, threshold);
  }
}

template <typename T>
void decode_planes(const Values<T>& planes, const DetectionHead& head, const ScoreRowLayout& layout, float threshold,
                   bool multi_label, DecodeScratch& scratch, Candidates& out) {
  const kernels::ScoreScan<T> scan = kernels::score_scan<T>(active_isa());
  const std::size_t positions = head.positions;
  const std::size_t words = kernels::mark_words(positions);
  if (scratch.marks.size() < words) scratch.marks.resize(words);
  if (head.objectness) {
    scan.mark(planes.from(4 * positions), positions, threshold, scratch.marks.data());
  } else {
    std::fill_n(scratch.marks.begin(), words, ~std::uint64_t{0});
  }
  auto decode_blocks = [&] {
    std::uint32_t decoded = std::numeric_limits<std::uint32_t>::max();
    Box box{};
    bool finite = false;
    search_class_planes(
        scan, planes.from(layout.first_class() * positions), positions, multi_label, scratch, [&](const ClassHit& hit) {
          const float score = scratch.objects[hit.slot] * hit.value;
          if (!(score > threshold)) return;
          const std::size_t position = scratch.starts[hit.slot / kernels::kScanBlock] + hit.slot % kernels::kScanBlock;
          if (hit.slot != decoded) {
            box = corners(planes[position], planes[positions + position], planes[2 * positions + position],
                          planes[3 * positions + position]);
            finite = is_finite(box);
            decoded = hit.slot;
          }
          if (!finite) return;
          append(out, box, score, static_cast<std::size_t>(hit.class_index));
          out.sources.push_back(static_cast<std::int64_t>(position));
        });
    clear_blocks(scratch);
  };
  clear_blocks(scratch);
  for (std::size_t start = 0; start < positions; start += kernels::kScanBlock) {
    const auto passing = static_cast<std::uint32_t>(scratch.marks[start / 64] >> (start % 64) & 0xffffu);
    if (passing == 0) continue;
    add_block(planes, head, threshold, start, passing, scratch);
    if (scratch.starts.size() >= kBlocksAtOnce) decode_blocks();
  }
  decode_blocks();
}

}  // namespace

void decode_detections(const DetectionHead& head, const ClassSelection& selection, Candidates& out,
                       DecodeWorkspace& workspace, ThreadPool* pool) {
  const ScoreRowLayout layout = check(head, selection);
  decode_images(head.batch, out, workspace, pool, [&](std::size_t b, DecodeScratch& scratch, Candidates& part) {
    choose_classes(selection.class_filter, b, head.classes, scratch);
    with_values(head.output, [&]<typename T>(const Values<T>& output) {
      const Values<T> image = output.from(b * head.positions * head.channels);
      const float threshold = selection.score_thresholds[b];
      if (head.channels_first) {
        decode_planes(image, head, layout, threshold, selection.multi_label, scratch, part);
      } else {
        decode_score_rows(image, 0, head.positions, layout, threshold, selection.multi_label, scratch, part,
                          [](std::size_t, const Values<T>& row) { return corners(row[0], row[1], row[2], row[3]); });
      }
    });
  });
}

}  // namespace framecast
