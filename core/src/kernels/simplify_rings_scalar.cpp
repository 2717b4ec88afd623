#include "kernels/segment_distance.h"

namespace framecast::kernels {

Farthest find_farthest_scalar(const Chain& chain, double limit) {
  const SegmentDistance distance(chain);
  Farthest farthest{chain.begin - 1, limit};
  for (std::size_t i = chain.begin; i < chain.end; ++i) {
    const double squared = distance.squared(chain.x[i], chain.y[i]);
    if (squared > farthest.squared) farthest = {i, squared};
  }
  return farthest;
}

}  // namespace framecast::kernels
