#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>

#include "class_rows.h"
#include "decode_images.h"
#include "finite_box.h"
#include "framecast/box.h"
#include "stored_bound.h"

namespace framecast {

/// A class score below which object * score cannot exceed the threshold; the margin covers rounding.
inline float lowest_factor(float object, float threshold) {
  if (!(object > 0 && threshold >= 1e-30f)) return -std::numeric_limits<float>::infinity();
  return threshold / object * 0.9999f;
}

/// Rows of x, y, w, h, then objectness where there is one, then scores of classes; all scores final.
struct ScoreRowLayout {
  std::size_t length;
  std::size_t classes;
  bool objectness;

  std::size_t first_class() const { return objectness ? 5 : 4; }
};

/// So far ahead a row is fetched: processors foresee long strides late or not at all.
inline constexpr std::size_t kRowsAhead = 32;

/// Lists in the scratch's slots the rows of [begin, end) whose objectness is above the bound, or all without one.
template <typename T>
std::size_t choose_rows(const Values<T>& rows, std::size_t begin, std::size_t end, const ScoreRowLayout& layout,
                        StoredBound<T> bound, DecodeScratch& scratch) {
  const std::size_t count = end - begin;
  if (scratch.slots.size() < count) scratch.slots.resize(count);
  std::uint32_t* slots = scratch.slots.data();
  if (!layout.objectness) {
    std::iota(slots, slots + count, 0u);
    return count;
  }
  const std::size_t length = layout.length;
  const T* objectness = rows.data + begin * length + 4;
  const std::uintptr_t ahead = kRowsAhead * length * sizeof(T);
  std::size_t chosen = 0;
  for (std::size_t i = 0; i < count; ++i, objectness += length) {
    // Numbers, not pointers, since that row may lie behind the last.
    __builtin_prefetch(reinterpret_cast<const void*>(reinterpret_cast<std::uintptr_t>(objectness) + ahead));
    slots[chosen] = static_cast<std::uint32_t>(i);
    // Counting instead of branching: what passes is rare and comes without warning.
    chosen += bound.exceeded_by(*objectness);
  }
  return chosen;
}

/// Appends what passes among the rows from `begin` to `end`; box_of(row number, row) decodes a box.
template <typename T, typename BoxOf>
void decode_score_rows(const Values<T>& rows, std::size_t begin, std::size_t end, const ScoreRowLayout& layout,
                       float threshold, bool multi_label, DecodeScratch& scratch, Candidates& out, BoxOf&& box_of) {
  constexpr std::size_t kRowsAtOnce = 4096;
  constexpr std::size_t kAhead = 4;
  const kernels::ScoreScan<T> scan = kernels::score_scan<T>(active_isa());
  const StoredBound<T> bound(rows, threshold);
  for (std::size_t first = begin; first < end; first += kRowsAtOnce) {
    const std::size_t chosen = choose_rows(rows, first, std::min(end, first + kRowsAtOnce), layout, bound, scratch);
    for (std::size_t k = 0; k < chosen; ++k) {
      if (layout.objectness && k + kAhead < chosen) {
        const T* soon = rows.data + (first + scratch.slots[k + kAhead]) * layout.length;
        for (std::size_t at = 0; at < layout.length; at += 64 / sizeof(T)) __builtin_prefetch(soon + at);
      }
      const std::size_t i = first + scratch.slots[k];
      const Values<T> row = rows.from(i * layout.length);
      const float object = layout.objectness ? row[4] : 1;
      Box box{};
      bool decoded = false;
      bool finite = false;
      search_class_row(scan, row.from(layout.first_class()), layout.classes, lowest_factor(object, threshold),
                       multi_label, scratch, [&](std::size_t c, float value) {
                         const float score = object * value;
                         if (!(score > threshold)) return;
                         if (!decoded) {
                           box = box_of(i, row);
                           finite = is_finite(box);
                           decoded = true;
                         }
                         if (!finite) return;
                         append(out, box, score, c);
                         out.sources.push_back(static_cast<std::int64_t>(i));
                       });
    }
  }
}

}  // namespace framecast
