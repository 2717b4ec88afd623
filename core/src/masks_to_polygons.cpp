#include "framecast/masks_to_polygons.h"

#include <algorithm>
#include <cmath>

#include "argument.h"
#include "framecast/simplify_rings.h"
#include "paste_mask.h"
#include "ring_topology.h"
#include "trace_rings.h"

namespace framecast {

struct MaskWorkspace::State {
  MaskCrop crop;
  PasteWorkspace paste;
  TraceWorkspace trace;
  TracedRings traced;
  SimplifyWorkspace simplify;
  RingTopology topology;
  std::vector<Point> points;
  std::vector<std::int64_t> ring_splits;
  std::vector<std::int32_t> parents;
  std::vector<std::int32_t> found_parents;
  std::vector<double> epsilons;
  std::vector<std::uint8_t> bad;
};

MaskWorkspace::MaskWorkspace() : state_(std::make_unique<State>()) {}
MaskWorkspace::~MaskWorkspace() = default;

namespace {

using State = MaskWorkspace::State;

/// Below this no corner of an outline of pixel edges can go: the sides of a corner are at least 1 long, and no line
/// comes nearer than sqrt(2) / 4 to the corner and to both points one pixel from it.
constexpr double kSmallestEpsilon = 0.35;
/// So many rounds halve the epsilon of rings that disturb each other; as many more leave such rings whole.
constexpr int kHalvingRounds = 12;

std::size_t ring_count(const std::vector<std::int64_t>& splits) { return splits.size() - 1; }

std::span<const Point> ring_points(const TracedRings& traced, std::size_t ring) {
  const auto begin = static_cast<std::size_t>(traced.ring_splits[ring]);
  const auto end = static_cast<std::size_t>(traced.ring_splits[ring + 1]);
  return {traced.points.data() + begin, end - begin};
}

/// The edges of an outline are parallel to the axes.
double perimeter(std::span<const Point> ring) {
  double sum = 0;
  for (std::size_t i = 0; i < ring.size(); ++i) {
    const Point& next = ring[i + 1 < ring.size() ? i + 1 : 0];
    sum += std::fabs(static_cast<double>(next.x) - ring[i].x) + std::fabs(static_cast<double>(next.y) - ring[i].y);
  }
  return sum;
}

/// Which ring lies directly around which before simplification; what simplification must not change.
void find_original_parents(State& state) {
  const TracedRings& traced = state.traced;
  const std::size_t rings = ring_count(traced.ring_splits);
  const std::size_t parts = ring_count(traced.part_splits);
  state.parents.assign(rings, -1);
  if (parts > 1 && rings > parts) {  // A part may lie in the hole of another.
    state.topology.load(traced.points, traced.ring_splits);
    state.topology.find_parents(state.parents);
    return;
  }
  for (std::size_t p = 0; p < parts; ++p) {
    for (std::int64_t r = traced.part_splits[p] + 1; r < traced.part_splits[p + 1]; ++r) {
      state.parents[static_cast<std::size_t>(r)] = static_cast<std::int32_t>(traced.part_splits[p]);
    }
  }
}

/// Marks in `state.bad` the rings that make the simplified family invalid; false if there is none.
bool find_bad_rings(State& state) {
  const std::size_t rings = ring_count(state.ring_splits);
  state.bad.assign(rings, 0);
  state.topology.load(state.points, state.ring_splits);
  state.topology.mark_conflicts(state.bad);
  for (std::size_t p = 0; p + 1 < state.traced.part_splits.size(); ++p) {
    const auto exterior = static_cast<std::size_t>(state.traced.part_splits[p]);
    for (std::size_t r = exterior; r < static_cast<std::size_t>(state.traced.part_splits[p + 1]); ++r) {
      if ((state.topology.doubled_area(r) > 0) != (r == exterior)) state.bad[r] = 1;
    }
  }
  auto any = [&state] { return std::find(state.bad.begin(), state.bad.end(), 1) != state.bad.end(); };
  if (any()) return true;
  if (rings == 1) return false;
  state.found_parents.resize(rings);
  state.topology.find_parents(state.found_parents);
  for (std::size_t r = 0; r < rings; ++r) {
    if (state.found_parents[r] == state.parents[r]) continue;
    state.bad[r] = 1;
    if (state.parents[r] >= 0) state.bad[static_cast<std::size_t>(state.parents[r])] = 1;
    if (state.found_parents[r] >= 0) state.bad[static_cast<std::size_t>(state.found_parents[r])] = 1;
  }
  return any();
}

/// Fills state.points and state.ring_splits with the rings, simplified as far as they stay valid.
void simplify(float rdp_threshold, State& state) {
  const TracedRings& traced = state.traced;
  const std::size_t rings = ring_count(traced.ring_splits);
  state.epsilons.resize(rings);
  for (std::size_t r = 0; r < rings; ++r) {
    state.epsilons[r] = static_cast<double>(rdp_threshold) * perimeter(ring_points(traced, r));
  }
  bool parents_known = false;
  for (int round = 0; round < 2 * kHalvingRounds; ++round) {
    bool simplified = false;
    state.points.clear();
    state.ring_splits.assign(1, 0);
    for (std::size_t r = 0; r < rings; ++r) {
      const bool worth_it = state.epsilons[r] >= kSmallestEpsilon;
      simplify_ring(ring_points(traced, r), worth_it ? state.epsilons[r] : 0, state.simplify, state.points);
      state.ring_splits.push_back(static_cast<std::int64_t>(state.points.size()));
      simplified |= worth_it;
    }
    if (!simplified) return;
    if (!parents_known) find_original_parents(state);
    parents_known = true;
    if (!find_bad_rings(state)) return;
    for (std::size_t r = 0; r < rings; ++r) {
      if (state.bad[r]) state.epsilons[r] = round < kHalvingRounds ? state.epsilons[r] / 2 : 0;
    }
  }
  state.points = traced.points;
  state.ring_splits = traced.ring_splits;
}

void append(std::span<const Point> points, std::span<const std::int64_t> ring_splits, const TracedRings& traced,
            Polygons& out) {
  const std::int64_t first_ring = static_cast<std::int64_t>(out.ring_splits.size()) - 1;
  const auto first_point = static_cast<std::int64_t>(out.points.size());
  out.points.insert(out.points.end(), points.begin(), points.end());
  for (std::size_t r = 1; r < ring_splits.size(); ++r) out.ring_splits.push_back(first_point + ring_splits[r]);
  for (std::size_t p = 1; p < traced.part_splits.size(); ++p) {
    out.part_splits.push_back(first_ring + traced.part_splits[p]);
  }
}

void append_instance(bool has_crop, float rdp_threshold, State& state, Polygons& out) {
  if (!has_crop) {
    out.areas.push_back(0);
    out.boxes.push_back({});
  } else {
    trace_rings(state.crop, state.traced, state.trace);
    out.areas.push_back(state.traced.area);
    out.boxes.push_back(state.traced.box);
    if (rdp_threshold > 0) {
      simplify(rdp_threshold, state);
      append(state.points, state.ring_splits, state.traced, out);
    } else {
      append(state.traced.points, state.traced.ring_splits, state.traced, out);
    }
  }
  out.instance_splits.push_back(static_cast<std::int64_t>(out.part_splits.size()) - 1);
}

constexpr const char* kRdpMessage = "rdp_thresholds: must be finite and not negative";
/// Beyond this a pixel corner is no longer exact in float32.
constexpr std::int64_t kLargestImage = 1 << 24;

}  // namespace

void masks_to_polygons(const SoftMasks& masks, float threshold, std::span<const float> rdp_thresholds, Polygons& out,
                       MaskWorkspace& workspace) {
  const std::size_t count = masks.boxes.size();
  const std::size_t mask_pixels = masks.size * masks.size;
  require(masks.size > 0 || count == 0, "masks: must not be empty");
  require(masks.probabilities.size() == count * mask_pixels, "masks: must be [boxes, size, size]");
  require(masks.image_sizes.size() == 2 * count, "image_sizes: must have one row per mask");
  for (std::int32_t size : masks.image_sizes) {
    require(size > 0 && size <= kLargestImage, "image_sizes: must be in [1, 2^24]");
  }
  require(std::isfinite(threshold), "threshold: must be finite");
  require(rdp_thresholds.size() == count, "rdp_thresholds: must have one entry per mask");
  require_lengths(rdp_thresholds, kRdpMessage);
  out.clear();
  State& state = workspace.state();
  for (std::size_t k = 0; k < count; ++k) {
    const bool pasted =
        paste_mask(masks.probabilities.subspan(k * mask_pixels, mask_pixels), masks.size, masks.boxes[k],
                   masks.image_sizes[2 * k], masks.image_sizes[2 * k + 1], threshold, state.crop, state.paste);
    append_instance(pasted, rdp_thresholds[k], state, out);
  }
}

void binary_masks_to_polygons(const BinaryMasks& masks, std::span<const float> rdp_thresholds, Polygons& out,
                              MaskWorkspace& workspace) {
  const std::size_t count = rdp_thresholds.size();
  require(masks.pixels.size() == count * masks.height * masks.width, "rdp_thresholds: must have one entry per mask");
  require(masks.height <= kLargestImage && masks.width <= kLargestImage, "masks: must be at most 2^24 on a side");
  require_lengths(rdp_thresholds, kRdpMessage);
  out.clear();
  State& state = workspace.state();
  for (std::size_t k = 0; k < count; ++k) {
    const std::uint8_t* mask = masks.pixels.data() + k * masks.height * masks.width;
    auto row_is_set = [&](std::size_t y) {
      const std::uint8_t* row = mask + y * masks.width;
      return std::any_of(row, row + masks.width, [](std::uint8_t pixel) { return pixel != 0; });
    };
    std::size_t top = 0;
    std::size_t bottom = masks.height;
    while (top < bottom && !row_is_set(top)) ++top;
    while (bottom > top && !row_is_set(bottom - 1)) --bottom;
    if (top < bottom) {
      state.crop.reset(bottom - top, masks.width, 0, static_cast<std::int64_t>(top));
      for (std::size_t y = top; y < bottom; ++y) {
        const std::uint8_t* row = mask + y * masks.width;
        std::transform(row, row + masks.width, state.crop.inner_row(y - top),
                       [](std::uint8_t pixel) { return static_cast<std::uint8_t>(pixel != 0); });
      }
    }
    append_instance(top < bottom, rdp_thresholds[k], state, out);
  }
}

}  // namespace framecast
