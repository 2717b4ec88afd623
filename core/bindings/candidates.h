#pragma once

#include <memory>

#include "framecast/candidates.h"
#include "recycled.h"

namespace framecast::bindings {

enum class WithSources { no, yes };

/// (boxes, scores, classes, splits), or with the sources before the splits.
inline nb::tuple to_tuple(std::unique_ptr<Candidates> result, WithSources with_sources = WithSources::no) {
  Candidates& found = *result;
  const nb::capsule owner = Recycled<Candidates>::release(std::move(result));
  if (with_sources == WithSources::no) {
    return nb::make_tuple(view(found.boxes, owner), view(found.scores, owner), view(found.classes, owner),
                          view(found.splits, owner));
  }
  return nb::make_tuple(view(found.boxes, owner), view(found.scores, owner), view(found.classes, owner),
                        view(found.sources, owner), view(found.splits, owner));
}

}  // namespace framecast::bindings
