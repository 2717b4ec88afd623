#pragma once

#include <cstddef>
#include <limits>

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

/// Appends what passes among the rows from `begin` to `end`; box_of(row number, row) decodes a box.
template <typename T, typename BoxOf>
void decode_score_rows(const Values<T>& rows, std::size_t begin, std::size_t end, const ScoreRowLayout& layout,
                       float threshold, bool multi_label, DecodeScratch& scratch, Candidates& out, BoxOf&& box_of) {
  const kernels::ScoreScan<T> scan = kernels::score_scan<T>(active_isa());
  const StoredBound<T> bound(rows, threshold);
  const T* stored_objectness = rows.data + 4;
  for (std::size_t i = begin; i < end; ++i) {
    if (layout.objectness && !bound.exceeded_by(stored_objectness[i * layout.length])) continue;
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

}  // namespace framecast
