#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "framecast/decode_workspace.h"
#include "kernels/score_scan.h"

namespace framecast {

/// As many blocks are searched at once; their bounds stay in the first-level cache.
constexpr std::size_t kBlocksAtOnce = 256;

inline void clear_blocks(DecodeScratch& scratch) {
  scratch.starts.clear();
  scratch.bounds.clear();
  scratch.objects.clear();
}

/// Sorts the hits of all classes, which come by class and slot, into `by_slot`.
inline void sort_by_slot(std::size_t slots, DecodeScratch& scratch) {
  auto& counters = scratch.counters;
  counters.assign(slots + 1, 0);
  for (const ClassHit& hit : scratch.hits) ++counters[hit.slot + 1];
  for (std::size_t slot = 0; slot < slots; ++slot) counters[slot + 1] += counters[slot];
  scratch.by_slot.resize(scratch.hits.size());
  for (const ClassHit& hit : scratch.hits) scratch.by_slot[counters[hit.slot]++] = hit;
}

/// Searches planes, one per class, for the numbers that reach the bounds of the scratch's blocks.
///
/// Calls emit(hit) by slot and class: for every class, or for the highest of each slot, ties to the lower class.
/// Class by class, since numbers of one plane lie together. Changes the bounds.
template <typename T, typename Emit>
void search_class_planes(const kernels::ScoreScan<T>& scan, const Values<T>& planes, std::size_t plane_size,
                         bool multi_label, DecodeScratch& scratch, Emit&& emit) {
  const std::size_t slots = scratch.bounds.size();
  const kernels::ScanBlocks blocks{scratch.starts.data(), scratch.bounds.data(), scratch.starts.size(), plane_size};
  scratch.slots.resize(std::max(scratch.slots.size(), slots));
  scratch.hits.clear();
  if (!multi_label) scratch.hits.assign(slots, {0, -1, 0});
  for (std::uint32_t c : scratch.classes) {
    const Values<T> plane = planes.from(c * plane_size);
    const std::size_t found = scan.find(plane, blocks, scratch.slots.data());
    for (std::size_t i = 0; i < found; ++i) {
      const std::uint32_t slot = scratch.slots[i];
      const float value = plane[scratch.starts[slot / kernels::kScanBlock] + slot % kernels::kScanBlock];
      const ClassHit hit{slot, static_cast<std::int32_t>(c), value};
      if (multi_label) {
        scratch.hits.push_back(hit);
      } else if (ClassHit& best = scratch.hits[slot]; best.class_index < 0 || value > best.value) {
        best = hit;
        scratch.bounds[slot] = value;
      }
    }
  }
  if (multi_label) {
    sort_by_slot(slots, scratch);
    for (const ClassHit& hit : scratch.by_slot) emit(hit);
  } else {
    for (const ClassHit& hit : scratch.hits) {
      if (hit.class_index >= 0) emit(hit);
    }
  }
}

}  // namespace framecast
