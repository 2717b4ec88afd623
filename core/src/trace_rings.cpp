#include "trace_rings.h"

#include <algorithm>
#include <cstring>
#include <numeric>

namespace framecast {
namespace {

using Run = TraceWorkspace::Run;
using Corner = TraceWorkspace::Corner;
using Ring = TraceWorkspace::Ring;

constexpr std::uint8_t kMask = 1;
constexpr std::uint8_t kTraced = 2;  ///< The left edge of this pixel belongs to a finished ring.
constexpr std::uint8_t kOnPath = 4;  ///< The upper left corner of this pixel is a saddle on the current path.

/// The first pixel with the given value (0 or 1) at or after `x`, or the row's end.
std::size_t find(const std::uint8_t* row, std::size_t x, std::size_t width, int value) {
  const void* at = std::memchr(row + x, value, width - x);
  return at == nullptr ? width : static_cast<std::size_t>(static_cast<const std::uint8_t*>(at) - row);
}

std::uint32_t root(std::vector<Run>& runs, std::uint32_t run) {
  while (runs[run].parent != run) {
    runs[run].parent = runs[runs[run].parent].parent;
    run = runs[run].parent;
  }
  return run;
}

/// Finds the runs of each row and joins those that touch a run of the row above.
void find_runs(const MaskCrop& crop, std::vector<Run>& runs) {
  runs.clear();
  std::size_t above = 0;
  std::size_t above_end = 0;
  for (std::size_t y = 1; y + 1 < crop.height; ++y) {
    const std::uint8_t* row = crop.pixels.data() + y * crop.width;
    const std::size_t first = runs.size();
    for (std::size_t x = find(row, 0, crop.width, 1); x < crop.width;) {
      const std::size_t end = find(row, x, crop.width, 0);
      const auto index = static_cast<std::uint32_t>(runs.size());
      runs.push_back(
          {static_cast<std::uint32_t>(y), static_cast<std::uint32_t>(x), static_cast<std::uint32_t>(end), index});
      while (above < above_end && runs[above].end <= x) ++above;
      for (std::size_t other = above; other < above_end && runs[other].begin < end; ++other) {
        const std::uint32_t a = root(runs, static_cast<std::uint32_t>(other));
        const std::uint32_t b = root(runs, index);
        runs[std::max(a, b)].parent = std::min(a, b);
      }
      x = find(row, end, crop.width, 1);
    }
    above = first;
    above_end = runs.size();
  }
}

/// Follows one outline and cuts it into simple rings.
class Outline {
 public:
  Outline(MaskCrop& crop, TraceWorkspace& workspace) : crop_(crop), workspace_(workspace) {}

  /// Starts up the left edge of the pixel (x, y), with the mask on the right hand all the way.
  void trace(std::uint32_t x, std::uint32_t y, std::uint32_t part) {
    constexpr int kRight = 0, kDown = 1, kLeft = 2, kUp = 3;
    constexpr int kStepX[] = {1, 0, -1, 0};
    constexpr int kStepY[] = {0, 1, 0, -1};
    // The pixels diagonally ahead of a corner on the left and on the right hand, relative to its lower right pixel.
    constexpr int kLeftX[] = {0, 0, -1, -1}, kLeftY[] = {-1, 0, 0, -1};
    constexpr int kRightX[] = {0, -1, -1, 0}, kRightY[] = {0, 0, -1, -1};
    static_assert(kRight == 0 && kDown == 1 && kLeft == 2);

    std::int64_t corner_x = x;
    std::int64_t corner_y = y;
    int direction = kUp;
    pixel(corner_x, corner_y) |= kTraced;
    while (true) {
      const bool left = pixel(corner_x + kLeftX[direction], corner_y + kLeftY[direction]) & kMask;
      const bool right = pixel(corner_x + kRightX[direction], corner_y + kRightY[direction]) & kMask;
      if (!right) {
        // With mask on the left ahead this is a saddle: keeping to the same pixel is what makes parts 4-connected.
        add({static_cast<std::uint32_t>(corner_x), static_cast<std::uint32_t>(corner_y), left}, part);
        direction = (direction + 1) % 4;
      } else if (left) {
        add({static_cast<std::uint32_t>(corner_x), static_cast<std::uint32_t>(corner_y), false}, part);
        direction = (direction + 3) % 4;
      }
      corner_x += kStepX[direction];
      corner_y += kStepY[direction];
      if (direction == kUp) {
        if (corner_x == x && corner_y == y) break;
        pixel(corner_x, corner_y) |= kTraced;
      }
    }
    finish(0, part);
  }

 private:
  std::uint8_t& pixel(std::int64_t x, std::int64_t y) {
    return crop_.pixels[static_cast<std::size_t>(y) * crop_.width + static_cast<std::size_t>(x)];
  }

  void add(const Corner& corner, std::uint32_t part) {
    auto& path = workspace_.path;
    if (corner.saddle) {
      if (pixel(corner.x, corner.y) & kOnPath) {
        std::size_t begin = path.size() - 1;
        while (path[begin].x != corner.x || path[begin].y != corner.y) --begin;
        finish(begin, part);
      }
      pixel(corner.x, corner.y) |= kOnPath;
    }
    path.push_back(corner);
  }

  /// Takes the path from `begin` on as a ring.
  void finish(std::size_t begin, std::uint32_t part) {
    auto& path = workspace_.path;
    auto& corners = workspace_.corners;
    const std::size_t first = corners.size();
    std::int64_t doubled_area = 0;
    for (std::size_t i = begin; i < path.size(); ++i) {
      const Corner& a = path[i];
      const Corner& b = path[i + 1 < path.size() ? i + 1 : begin];
      doubled_area += std::int64_t{a.x} * b.y - std::int64_t{b.x} * a.y;
      if (a.saddle) pixel(a.x, a.y) &= static_cast<std::uint8_t>(~kOnPath);
      corners.push_back(a);
    }
    workspace_.rings.push_back({part, doubled_area > 0, first, corners.size()});
    path.resize(begin);
  }

  MaskCrop& crop_;
  TraceWorkspace& workspace_;
};

}  // namespace

void trace_rings(MaskCrop& crop, TracedRings& out, TraceWorkspace& workspace) {
  out.points.clear();
  out.ring_splits.assign(1, 0);
  out.part_splits.assign(1, 0);
  out.area = 0;
  out.box = {};
  find_runs(crop, workspace.runs);
  auto& runs = workspace.runs;
  if (runs.empty()) return;

  std::uint32_t left = runs[0].begin;
  std::uint32_t right = runs[0].end;
  std::uint32_t part_count = 0;
  workspace.parts.resize(runs.size());
  for (std::uint32_t i = 0; i < runs.size(); ++i) {
    left = std::min(left, runs[i].begin);
    right = std::max(right, runs[i].end);
    out.area += runs[i].end - runs[i].begin;
    const std::uint32_t first = root(runs, i);  // The part's lowest run, so its number is known by now.
    workspace.parts[i] = first == i ? part_count++ : workspace.parts[first];
  }
  auto image_x = [&crop](std::int64_t x) { return static_cast<float>(x - 1 + crop.left); };
  auto image_y = [&crop](std::int64_t y) { return static_cast<float>(y - 1 + crop.top); };
  out.box = {image_x(left), image_y(runs.front().row), image_x(right), image_y(std::int64_t{runs.back().row} + 1)};

  workspace.corners.clear();
  workspace.path.clear();
  workspace.rings.clear();
  Outline outline(crop, workspace);
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const Run& run = runs[i];
    if (crop.pixels[run.row * crop.width + run.begin] & kTraced) continue;
    outline.trace(run.begin, run.row, workspace.parts[i]);
  }

  const auto& rings = workspace.rings;
  auto& order = workspace.order;
  order.resize(rings.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&rings](std::size_t a, std::size_t b) {
    if (rings[a].part != rings[b].part) return rings[a].part < rings[b].part;
    if (rings[a].exterior != rings[b].exterior) return rings[a].exterior;
    return a < b;
  });
  for (std::size_t i = 0; i < order.size(); ++i) {
    const Ring& ring = rings[order[i]];
    if (i > 0 && ring.exterior) out.part_splits.push_back(static_cast<std::int64_t>(i));
    for (std::size_t c = ring.begin; c < ring.end; ++c) {
      out.points.push_back({image_x(workspace.corners[c].x), image_y(workspace.corners[c].y)});
    }
    out.ring_splits.push_back(static_cast<std::int64_t>(out.points.size()));
  }
  out.part_splits.push_back(static_cast<std::int64_t>(order.size()));
}

}  // namespace framecast
