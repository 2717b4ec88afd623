#if defined(__aarch64__)

#include <arm_neon.h>

#include <algorithm>
#include <cmath>

#include "kernels/simplify_rings.h"

namespace framecast::kernels {
namespace {

constexpr std::uint32_t kLanes = 4;

RingRange load(const Point* points, std::size_t count, float* x, float* y) {
  const float32x4_t zero = vdupq_n_f32(0);
  float32x4_t left = vdupq_n_f32(points[0].x), right = left;
  float32x4_t top = vdupq_n_f32(points[0].y), bottom = top;
  float32x4_t sum = zero;  // Of 0 times each number, which is NaN where one is not finite.
  uint32x4_t whole = vdupq_n_u32(~0u);
  auto see = [&](float32x4_t xs, float32x4_t ys) {
    left = vminq_f32(left, xs);
    right = vmaxq_f32(right, xs);
    top = vminq_f32(top, ys);
    bottom = vmaxq_f32(bottom, ys);
    sum = vaddq_f32(sum, vaddq_f32(vmulq_f32(zero, xs), vmulq_f32(zero, ys)));
    whole = vandq_u32(whole, vandq_u32(vceqq_f32(vrndq_f32(xs), xs), vceqq_f32(vrndq_f32(ys), ys)));
  };
  std::size_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    const float32x4x2_t pair = vld2q_f32(reinterpret_cast<const float*>(points + i));
    vst1q_f32(x + i, pair.val[0]);
    vst1q_f32(y + i, pair.val[1]);
    see(pair.val[0], pair.val[1]);
  }
  for (; i < count; ++i) {
    x[i] = points[i].x;
    y[i] = points[i].y;
    see(vdupq_n_f32(x[i]), vdupq_n_f32(y[i]));
  }
  const float width = vmaxvq_f32(right) - vminvq_f32(left), height = vmaxvq_f32(bottom) - vminvq_f32(top);
  const bool is_finite = vminvq_u32(vceqq_f32(sum, sum)) != 0;
  return {std::max(width, height), is_finite, vminvq_u32(whole) != 0};
}

/// The largest value of a pass per lane with its index, and the largest but one.
struct Best {
  float32x4_t values = vdupq_n_f32(-1), second = vdupq_n_f32(-1);
  uint32x4_t indices = vdupq_n_u32(0);

  void see(float32x4_t candidates, uint32x4_t index) {
    const uint32x4_t farther = vcgtq_f32(candidates, values);
    second = vmaxq_f32(second, vminq_f32(values, candidates));
    values = vmaxq_f32(values, candidates);
    indices = vbslq_u32(farther, index, indices);
  }
  /// The lowest index of the largest value; kUnsure where others come up to `bound` and may be larger in truth.
  std::uint32_t choose(float bound, bool is_exact) const {
    const uint32x4_t close = vcgeq_f32(values, vdupq_n_f32(bound));
    const uint32x4_t runners_up = vcgeq_f32(second, vdupq_n_f32(bound));
    const bool is_alone = vaddvq_u32(vshrq_n_u32(close, 31)) == 1 && vmaxvq_u32(runners_up) == 0;
    if (!is_exact && !is_alone) return kUnsure;
    return vminvq_u32(vbslq_u32(close, indices, vdupq_n_u32(kUnsure)));
  }
};

/// Lanes of the first `count` indices.
uint32x4_t first_lanes(std::uint32_t count) {
  const std::uint32_t numbers[kLanes] = {0, 1, 2, 3};
  return vcltq_u32(vld1q_u32(numbers), vdupq_n_u32(count));
}

uint32x4_t indices_from(std::uint32_t first) {
  const std::uint32_t numbers[kLanes] = {0, 1, 2, 3};
  return vaddq_u32(vld1q_u32(numbers), vdupq_n_u32(first));
}

/// The first `count` of four values, if there are fewer; the others are 0.
float32x4_t load_lanes(const float* values, std::uint32_t count) {
  if (count >= kLanes) return vld1q_f32(values);
  float lanes[kLanes] = {};
  std::copy_n(values, count, lanes);
  return vld1q_f32(lanes);
}

std::uint32_t farthest_from(const float* x, const float* y, std::uint32_t begin, std::uint32_t end,
                            std::uint32_t origin, bool is_exact) {
  const float32x4_t ox = vdupq_n_f32(x[origin]), oy = vdupq_n_f32(y[origin]);
  Best best;
  for (std::uint32_t i = begin; i < end; i += kLanes) {
    const float32x4_t px = vsubq_f32(load_lanes(x + i, end - i), ox), py = vsubq_f32(load_lanes(y + i, end - i), oy);
    const float32x4_t squared = vaddq_f32(vmulq_f32(px, px), vmulq_f32(py, py));
    best.see(vbslq_f32(first_lanes(end - i), squared, vdupq_n_f32(-1)), indices_from(i));
  }
  const float largest = vmaxvq_f32(best.values);
  if (!(largest > 1e-30f)) return kUnsure;
  // Squares add up without cancelling: a few units in the last place are all that rounding can change.
  return best.choose(is_exact ? largest : largest * (1 - 1e-6f), is_exact);
}

std::uint32_t judge_one(const float* x, const float* y, const ChainLimits& limits, const Chain& chain) {
  const float ax = x[chain.begin()], ay = y[chain.begin()];
  const float dx = x[chain.end()] - ax, dy = y[chain.end()] - ay;
  const float squared_length = dx * dx + dy * dy;
  const float32x4_t low = vdupq_n_f32(limits.low * squared_length);
  const std::uint32_t begin = chain.begin() + 1, end = chain.end();
  uint32x4_t maybe_far = vdupq_n_u32(0);
  Best best;
  for (std::uint32_t i = begin; i < end; i += kLanes) {
    const uint32x4_t lanes = first_lanes(end - i);
    const float32x4_t px = vsubq_f32(load_lanes(x + i, end - i), vdupq_n_f32(ax));
    const float32x4_t py = vsubq_f32(load_lanes(y + i, end - i), vdupq_n_f32(ay));
    const float32x4_t across = vabsq_f32(vsubq_f32(vmulq_n_f32(px, dy), vmulq_n_f32(py, dx)));
    const float32x4_t along = vaddq_f32(vmulq_n_f32(px, dx), vmulq_n_f32(py, dy));
    const float32x4_t beyond =
        vmaxq_f32(vmaxq_f32(vnegq_f32(along), vsubq_f32(along, vdupq_n_f32(squared_length))), vdupq_n_f32(0));
    const float32x4_t squared =
        vaddq_f32(vmulq_f32(across, across), vaddq_f32(vmulq_f32(beyond, beyond), vdupq_n_f32(1e-36f)));
    maybe_far = vorrq_u32(maybe_far, vbicq_u32(lanes, vcltq_f32(squared, low)));
    best.see(vbslq_f32(lanes, across, vdupq_n_f32(-1)), indices_from(i));
  }
  if (vmaxvq_u32(maybe_far) == 0) return kLeaf;
  const float largest = vmaxvq_f32(best.values);
  if (!(largest * largest > limits.high * squared_length + 1e-36f)) return kUnsure;
  const float error = limits.error * (std::fabs(dx) + std::fabs(dy)) + limits.tiny;
  return best.choose(largest - error, limits.error == 0);
}

void judge(const float* x, const float* y, const ChainLimits* limits, const Chain* chains, std::size_t count,
           std::uint32_t* verdicts) {
  for (std::size_t i = 0; i < count; ++i) verdicts[i] = judge_one(x, y, limits[chains[i].block()], chains[i]);
}

}  // namespace

const ChainKernels& chain_kernels_neon() {
  static constexpr ChainKernels kKernels{
      load, farthest_from, {judge, judge, judge, judge, judge, judge, judge}, split_chains};
  return kKernels;
}

}  // namespace framecast::kernels

#endif
