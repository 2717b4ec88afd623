#pragma once

namespace framecast {

/// Height and width of an image in pixels. Laid out as a row of a float32 [B, 2] array.
struct ImageSize {
  float height;
  float width;
};

}  // namespace framecast
