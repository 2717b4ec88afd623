#include "orientation.h"

namespace framecast {

int exact_orientation(const Point& a, const Point& b, const Point& c) {
  // The determinant as six products, each exact in double.
  const double terms[] = {static_cast<double>(a.x) * b.y, -(static_cast<double>(a.y) * b.x),
                          static_cast<double>(b.x) * c.y, -(static_cast<double>(b.y) * c.x),
                          static_cast<double>(c.x) * a.y, -(static_cast<double>(c.y) * a.x)};
  // Their sum without loss, as numbers of rising size that share no bits (Shewchuk's grow-expansion with Knuth's sum).
  double expansion[6];
  int size = 0;
  for (double sum : terms) {
    for (int i = 0; i < size; ++i) {
      const double total = sum + expansion[i];
      const double added = total - sum;
      expansion[i] = (sum - (total - added)) + (expansion[i] - added);
      sum = total;
    }
    expansion[size++] = sum;
  }
  // The largest that is not 0 outweighs all below it.
  while (size > 0 && expansion[size - 1] == 0) --size;
  if (size == 0) return 0;
  return expansion[size - 1] > 0 ? 1 : -1;
}

}  // namespace framecast
