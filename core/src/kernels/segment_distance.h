#pragma once

#include "kernels/simplify_rings.h"

namespace framecast::kernels {

/// Squared distances to a chain's segment; in double, where differences of floats are all but exact.
class SegmentDistance {
 public:
  explicit SegmentDistance(const Chain& chain)
      : ax(chain.ax),
        ay(chain.ay),
        bx(chain.bx),
        by(chain.by),
        dx(bx - ax),
        dy(by - ay),
        squared_length(dx * dx + dy * dy) {}

  double squared(double x, double y) const {
    const double px = x - ax;
    const double py = y - ay;
    const double along = px * dx + py * dy;
    if (along <= 0) return px * px + py * py;
    if (along >= squared_length) return (x - bx) * (x - bx) + (y - by) * (y - by);
    const double across = px * dy - py * dx;
    return across * across / squared_length;
  }

  double ax, ay, bx, by, dx, dy, squared_length;
};

}  // namespace framecast::kernels
