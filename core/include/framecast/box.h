#pragma once

namespace framecast {

/// An axis-aligned box by its corners, in pixels. Laid out as a row of a float32 [N, 4] array.
struct Box {
  float x1;
  float y1;
  float x2;
  float y2;

  bool operator==(const Box&) const = default;
};
static_assert(sizeof(Box) == 4 * sizeof(float));

}  // namespace framecast
