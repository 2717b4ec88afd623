#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "framecast/nms_rotated.h"
#include "isa.h"
#include "kernels/box_columns.h"

namespace framecast::kernels {

/// Which of the columns from `begin` on, 64 at most, may overlap enough: bit i stands for column begin + i.
///
/// A column holds the bounds of a rotated box and the box's own area. No two rectangles share more than their bounds
/// do, so a pair whose bounds share less than share * (area_a + area_b) is out. Bounds are never NaN.
using MayOverlap = std::uint64_t (*)(const BoxColumns& kept, std::size_t begin, const Box& bounds, float area,
                                     float share);
std::uint64_t may_overlap_scalar(const BoxColumns& kept, std::size_t begin, const Box& bounds, float area, float share);

/// Box b in the frame of a, whose centre is (0, 0) and whose sides are parallel to the axes.
struct RelativeBox {
  double x, y;  ///< Centre.
  double cos, sin;
};

inline RelativeBox relative(const OrientedBox& a, const OrientedBox& b) {
  const double dx = b.cx - a.cx, dy = b.cy - a.cy;
  // Of equal angles the sine is 0 to the bit, so that parallel boxes stay parallel.
  return {dx * a.cos + dy * a.sin, dy * a.cos - dx * a.sin, a.cos * b.cos + a.sin * b.sin,
          b.sin * a.cos - b.cos * a.sin};
}

/// The area of b inside a, for boxes with an area; at most that of either box. `b_in_a` is relative(a, b).
///
/// For each x the part of b above it that lies in a is clamp(top) - clamp(bottom), with y clamped to a's sides. So the
/// area is the integral of clamp(y) dx around b, cut off at a's left and right side: four edges, each straight, and no
/// polygon is built. (Green's theorem; what is clipped is the edges and not the polygon.)
using OverlapArea = double (*)(const OrientedBox& a, const OrientedBox& b, const RelativeBox& b_in_a);
double overlap_area_scalar(const OrientedBox& a, const OrientedBox& b, const RelativeBox& b_in_a);

/// Clears the noise of the last bits off an integral: an area, never above the smaller box.
inline double bounded_area(double integral, const OrientedBox& a, const OrientedBox& b) {
  const double area = std::abs(integral);
  return area > 0 ? std::min(area, std::min(a.area, b.area)) : 0;
}

#if defined(__x86_64__)
std::uint64_t may_overlap_avx2(const BoxColumns& kept, std::size_t begin, const Box& bounds, float area, float share);
std::uint64_t may_overlap_avx512(const BoxColumns& kept, std::size_t begin, const Box& bounds, float area, float share);
double overlap_area_avx2(const OrientedBox& a, const OrientedBox& b, const RelativeBox& b_in_a);
#endif
#if defined(__aarch64__)
std::uint64_t may_overlap_neon(const BoxColumns& kept, std::size_t begin, const Box& bounds, float area, float share);
double overlap_area_neon(const OrientedBox& a, const OrientedBox& b, const RelativeBox& b_in_a);
#endif

struct RotatedNmsKernels {
  MayOverlap may_overlap;
  OverlapArea overlap_area;
};

inline RotatedNmsKernels nms_rotated_kernels(Isa isa) {
#if defined(__x86_64__)
  if (isa == Isa::avx512) return {may_overlap_avx512, overlap_area_avx2};
  if (isa == Isa::avx2) return {may_overlap_avx2, overlap_area_avx2};
#endif
#if defined(__aarch64__)
  if (isa == Isa::neon) return {may_overlap_neon, overlap_area_neon};
#endif
  static_cast<void>(isa);
  return {may_overlap_scalar, overlap_area_scalar};
}

}  // namespace framecast::kernels
