#include "framecast/simplify_rings.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <numbers>
#include <stdexcept>
#include <utility>
#include <vector>

#include "allocations.h"
#include "chain_splitter.h"
#include "check.h"
#include "kernels/simplify_rings.h"
#include "random.h"

using framecast::ChainSplitter;
using framecast::Isa;
using framecast::Point;
using framecast::SimplifyWorkspace;
using framecast::kernels::Chain;
using framecast::kernels::kLeaf;
using framecast::kernels::kUnsure;

namespace {

constexpr Isa kIsas[] = {Isa::scalar, Isa::neon, Isa::avx2, Isa::avx512};

std::vector<Point> simplify(const std::vector<Point>& ring, double epsilon) {
  static SimplifyWorkspace workspace;
  std::vector<Point> out;
  framecast::simplify_ring(ring, epsilon, workspace, out);
  return out;
}

double distance(const Point& p, const Point& a, const Point& b) {
  const double dx = static_cast<double>(b.x) - a.x, dy = static_cast<double>(b.y) - a.y;
  const double length = dx * dx + dy * dy;
  const double px = static_cast<double>(p.x) - a.x, py = static_cast<double>(p.y) - a.y;
  const double t = length > 0 ? std::clamp((px * dx + py * dy) / length, 0.0, 1.0) : 0;
  return std::hypot(px - t * dx, py - t * dy);
}

/// The definition as it is stated, without columns, levels or kernels; false flags are points that go.
void split_plainly(const std::vector<Point>& ring, std::size_t begin, std::size_t end, double epsilon,
                   std::vector<bool>& kept) {
  auto at = [&ring](std::size_t i) { return ring[i % ring.size()]; };
  const Point a = at(begin), b = at(end);
  const double dx = static_cast<double>(b.x) - a.x, dy = static_cast<double>(b.y) - a.y, length = std::hypot(dx, dy);
  std::size_t by_line = begin, by_chord = begin;
  double from_line = -1, from_chord = -1;
  for (std::size_t i = begin + 1; i < end; ++i) {
    const double across =
        std::fabs((static_cast<double>(at(i).x) - a.x) * dy - (static_cast<double>(at(i).y) - a.y) * dx);
    if (length > 0 && across / length > from_line) from_line = across / length, by_line = i;
    if (distance(at(i), a, b) > from_chord) from_chord = distance(at(i), a, b), by_chord = i;
  }
  const std::size_t split = from_line > epsilon ? by_line : from_chord > epsilon ? by_chord : begin;
  if (split == begin) return;
  kept[split % ring.size()] = true;
  split_plainly(ring, begin, split, epsilon, kept);
  split_plainly(ring, split, end, epsilon, kept);
}

std::vector<Point> wavy(Random& random, std::size_t count, bool whole) {
  std::vector<Point> ring;
  double radius = 90;
  for (std::size_t i = 0; i < count; ++i) {
    const double angle = 2 * std::numbers::pi * static_cast<double>(i) / static_cast<double>(count);
    radius += random.uniform(-2, 2);
    Point point{static_cast<float>(300 + radius * std::cos(angle)), static_cast<float>(300 + radius * std::sin(angle))};
    if (whole) point = {std::round(point.x), std::round(point.y)};
    ring.push_back(point);
  }
  return ring;
}

}  // namespace

TEST(kernels_answer_as_the_definition_or_that_they_are_unsure) {
  namespace kernels = framecast::kernels;
  Random random(21);
  std::size_t sure = 0, all = 0;
  for (int round = 0; round < 6000; ++round) {
    // Coarse numbers make ties; what lies beyond the chain would be farther than all in it.
    const bool coarse = random.below(2) == 1;
    auto number = [&] { return coarse ? static_cast<float>(random.below(6)) : random.uniform(-300, 300); };
    const auto begin = static_cast<std::uint32_t>(random.below(9));
    constexpr std::uint32_t kInner[] = {1,  7,  8,  9,   15,  16,  17,  31,  32,  33,
                                        63, 64, 65, 127, 128, 129, 200, 256, 257, 400};
    const auto inner =
        random.below(3) == 0 ? kInner[random.below(20)] : 1 + static_cast<std::uint32_t>(random.below(50));
    const Chain chain(begin, begin + inner + 1);
    std::vector<float> x(chain.end() + 40, std::numeric_limits<float>::quiet_NaN()), y = x;
    for (std::uint32_t i = chain.begin(); i <= chain.end(); ++i) x[i] = number(), y[i] = number();
    if (random.below(4) == 0) {  // Long and thin, so that points lie near, before and behind the chord.
      for (float& value : y) value *= coarse ? 0 : 0.01f;
    }
    if (random.below(10) == 0) x[chain.end()] = x[chain.begin()], y[chain.end()] = y[chain.begin()];
    std::vector<Point> ring;
    for (std::uint32_t i = chain.begin(); i <= chain.end(); ++i) ring.push_back({x[i], y[i]});
    const double epsilon = coarse ? static_cast<double>(random.below(4)) + 0.5 : random.uniform(0.1f, 200);
    // The limits as the product makes them: those of a splitter with this ring.
    ChainSplitter splitter;
    splitter.clear();
    CHECK(splitter.add(ring, epsilon));
    const auto limits = splitter.limits();
    if (limits.empty()) continue;
    const std::uint32_t expected = kernels::judge_chain(x.data(), y.data(), limits[0].squared, chain);
    const std::size_t kind = kernels::chain_kind(inner);
    for (Isa isa : kIsas) {
      if (!framecast::is_supported(isa)) continue;
      std::uint32_t found = 0;
      kernels::chain_kernels(isa).judge[kind](x.data(), y.data(), limits.data(), &chain, 1, &found);
      CHECK(found == expected || (found == kUnsure && isa != Isa::scalar));
      sure += found != kUnsure;
      ++all;
      const std::uint32_t origin = chain.begin() + static_cast<std::uint32_t>(random.below(inner + 2));
      const std::uint32_t farthest =
          kernels::farthest_from_point(x.data(), y.data(), chain.begin(), chain.end() + 1, origin);
      const std::uint32_t claimed =
          kernels::chain_kernels(isa).farthest_from(x.data(), y.data(), chain.begin(), chain.end() + 1, origin, coarse);
      CHECK(claimed == farthest || (claimed == kUnsure && isa != Isa::scalar));
    }
  }
  CHECK(sure > all / 2);
}

TEST(kernels_split_chains_alike) {
  namespace kernels = framecast::kernels;
  Random random(23);
  for (std::size_t count = 0; count < 40; ++count) {
    std::vector<Chain> chains;
    std::vector<std::uint32_t> verdicts;
    using Part = std::pair<std::uint32_t, std::uint32_t>;
    std::vector<Part> few, more;
    std::vector<std::uint32_t> points;
    for (std::size_t i = 0; i < count; ++i) {
      const auto begin = static_cast<std::uint32_t>(random.below(4'000'000'000));
      const auto inner = 1 + static_cast<std::uint32_t>(random.below(i % 3 == 0 ? 3 : 24));
      const std::uint32_t middle = begin + 1 + static_cast<std::uint32_t>(random.below(inner));
      chains.emplace_back(begin, begin + inner + 1);
      verdicts.push_back(random.below(3) == 0 ? kLeaf : middle);
      if (verdicts.back() == kLeaf) continue;
      points.push_back(middle);
      for (const Part& part : {Part{begin, middle}, Part{middle, begin + inner + 1}}) {
        const std::uint32_t left = part.second - part.first - 1;
        if (left > 0) (left <= 8 ? few : more).push_back(part);
      }
    }
    std::sort(few.begin(), few.end()), std::sort(more.begin(), more.end());
    for (Isa isa : kIsas) {
      if (!framecast::is_supported(isa)) continue;
      std::vector<Chain> found_few(few.size() + kernels::kPartRoom), found_more(more.size() + kernels::kPartRoom);
      std::vector<std::uint32_t> found_points(points.size() + kernels::kPartRoom);
      kernels::ChainParts parts{found_few.data(), found_more.data(), found_points.data()};
      kernels::chain_kernels(isa).split(chains.data(), verdicts.data(), count, parts);
      auto sorted = [](const std::vector<Chain>& found, const Chain* end) {
        std::vector<Part> result;
        for (const Chain* chain = found.data(); chain != end; ++chain) result.push_back({chain->begin(), chain->end()});
        std::sort(result.begin(), result.end());
        return result;
      };
      CHECK(sorted(found_few, parts.few) == few);
      CHECK(sorted(found_more, parts.more) == more);
      found_points.resize(static_cast<std::size_t>(parts.points - found_points.data()));
      CHECK(found_points == points);
    }
  }
}

TEST(kernels_load_rings_alike) {
  namespace kernels = framecast::kernels;
  Random random(22);
  for (std::size_t count = 1; count < 70; ++count) {
    for (int kind = 0; kind < 5; ++kind) {
      std::vector<Point> ring(count);
      for (Point& point : ring) point = {std::floor(random.uniform(-900, 900)), std::floor(random.uniform(-70, 70))};
      Point& odd = ring[random.below(count)];
      if (kind == 1) odd.y += 0.5f;
      if (kind == 2) odd.x = std::numeric_limits<float>::quiet_NaN();
      if (kind == 3) odd.y = -std::numeric_limits<float>::infinity();
      if (kind == 4) odd.x = std::numeric_limits<float>::max();
      float left = ring[0].x, right = left, top = ring[0].y, bottom = top;
      for (const Point& point : ring) {
        left = std::min(left, point.x), right = std::max(right, point.x);
        top = std::min(top, point.y), bottom = std::max(bottom, point.y);
      }
      for (Isa isa : kIsas) {
        if (!framecast::is_supported(isa)) continue;
        std::vector<float> x(count + 1, 7), y(count + 1, 7);
        const auto range = kernels::chain_kernels(isa).load(ring.data(), count, x.data(), y.data());
        CHECK(range.is_finite == (kind != 2 && kind != 3));
        CHECK(x[count] == 7 && y[count] == 7);
        if (!range.is_finite) continue;
        CHECK(range.extent == std::max(right - left, bottom - top));
        CHECK(!range.is_whole || kind != 1);
        CHECK(range.is_whole || kind == 1 || isa == Isa::scalar);
        for (std::size_t i = 0; i < count; ++i) CHECK(x[i] == ring[i].x && y[i] == ring[i].y);
      }
    }
  }
}

TEST(keeps_what_the_plain_recursion_keeps) {
  Random random(23);
  for (int round = 0; round < 300; ++round) {
    const auto ring = wavy(random, 4 + random.below(round % 10 == 0 ? 900 : 70), false);
    const double epsilon = random.uniform(0.05f, 12);
    auto farthest_from = [&ring](std::size_t origin) {
      std::size_t found = origin;
      for (std::size_t i = 0; i < ring.size(); ++i) {
        const Point& o = ring[origin];
        if (distance(ring[i], o, o) > distance(ring[found], o, o)) found = i;
      }
      return found;
    };
    const std::size_t p = farthest_from(0), q = farthest_from(p);
    std::vector<bool> kept(ring.size(), false);
    kept[p] = kept[q] = true;
    split_plainly(ring, std::min(p, q), std::max(p, q), epsilon, kept);
    split_plainly(ring, std::max(p, q), std::min(p, q) + ring.size(), epsilon, kept);
    if (std::count(kept.begin(), kept.end(), true) < 3) continue;
    std::vector<Point> expected;
    for (std::size_t i = 0; i < ring.size(); ++i) {
      if (kept[i]) expected.push_back(ring[i]);
    }
    CHECK(simplify(ring, epsilon) == expected);
  }
}

TEST(every_point_left_out_is_within_epsilon_of_its_own_edge) {
  Random random(3);
  for (int round = 0; round < 600; ++round) {
    std::vector<Point> ring(4 + random.below(200));
    const float size = std::ldexp(100.0f, static_cast<int>(random.below(5)) * 12 - 24);
    for (Point& point : ring) point = {random.uniform(-size, size), random.uniform(-size, size)};
    const double epsilon = random.uniform(0.0001f, 0.6f) * size;
    const std::vector<Point> result = simplify(ring, epsilon);
    CHECK(result.size() >= 3);
    std::size_t start = 0;
    while (!(ring[start] == result[0])) ++start;
    std::size_t edge = 0;
    for (std::size_t i = 1; i <= ring.size(); ++i) {
      const Point& point = ring[(start + i) % ring.size()];
      const Point& end = result[(edge + 1) % result.size()];
      if (point == end) {
        ++edge;
      } else {
        CHECK(distance(point, result[edge % result.size()], end) <= epsilon);
      }
    }
    CHECK(edge == result.size());  // Points stay in their order, and none is new.
  }
}

TEST(the_work_stays_within_n_log_n) {
  constexpr std::size_t kCount = 50000;
  std::vector<std::vector<Point>> rings(7);
  for (std::size_t i = 0; i < kCount; ++i) {
    const auto x = static_cast<float>(i);
    const float sign = i % 2 == 0 ? 1 : -1;
    const double turn = static_cast<double>(i) / 500;
    rings[0].push_back({x, sign * (10 + 0.01f * x)});
    rings[1].push_back({x, sign * (10 - 0.0001f * x)});
    rings[2].push_back(
        {static_cast<float>(turn * std::cos(6.28 * turn)), static_cast<float>(turn * std::sin(6.28 * turn))});
    rings[3].push_back({static_cast<float>(i / 4 * 4 + (i % 4 > 1)), i % 4 == 1 || i % 4 == 2 ? 1000.0f : 0.0f});
    rings[4].push_back({x, 2 * x});
    rings[5].push_back({7, 7});
    rings[6].push_back({sign * 3e38f, x * 1e33f});
  }
  for (const auto& ring : rings) {
    for (const double epsilon : {0.1, 5.0}) {
      ChainSplitter splitter;
      splitter.clear();
      CHECK(splitter.add(ring, epsilon));
      splitter.run();
      const auto log = static_cast<std::size_t>(std::bit_width(kCount));
      CHECK(splitter.work() <= kCount * (32 + 8 * log + log));
      std::vector<Point> out(kCount);
      CHECK(splitter.write(0, out.data()) >= 3);
    }
  }
}

TEST(a_pool_changes_no_bit_and_the_steady_state_allocates_nothing) {
  Random random(8);
  std::vector<Point> points;
  std::vector<std::int64_t> splits{0};
  std::vector<float> epsilons;
  for (int r = 0; r < 300; ++r) {
    const auto ring = wavy(random, random.below(200), r % 2 == 0);
    points.insert(points.end(), ring.begin(), ring.end());
    splits.push_back(static_cast<std::int64_t>(points.size()));
    epsilons.push_back(random.uniform(0, 4));
  }
  SimplifyWorkspace workspace, pooled;
  framecast::ThreadPool pool(3);
  std::vector<Point> alone, together;
  std::vector<std::int64_t> alone_splits, together_splits;
  auto call = [&] { framecast::simplify_rings(points, splits, epsilons, alone, alone_splits, workspace); };
  call();
  CHECK(allocations_of(call) == 0);
  for (int round = 0; round < 20; ++round) {
    framecast::simplify_rings(points, splits, epsilons, together, together_splits, pooled, &pool);
    CHECK(together == alone && together_splits == alone_splits);
  }
  std::vector<Point> one;
  SimplifyWorkspace single;
  for (std::size_t r = 0; r < epsilons.size(); ++r) {
    const auto begin = static_cast<std::size_t>(splits[r]), end = static_cast<std::size_t>(splits[r + 1]);
    framecast::simplify_ring({points.data() + begin, end - begin}, epsilons[r], single, one);
    CHECK(one.size() == static_cast<std::size_t>(alone_splits[r + 1]));
  }
  CHECK(one == alone);
}

TEST(refuses_what_does_not_fit) {
  SimplifyWorkspace workspace;
  std::vector<Point> out;
  std::vector<std::int64_t> out_splits;
  const std::vector<Point> ring(4), bad(4, {0, std::numeric_limits<float>::infinity()});
  const std::int64_t splits[] = {0, 4}, wrong[] = {0, 3};
  const float one = 1, negative = -1;
  CHECK_REFUSES("ring_splits", framecast::simplify_rings(ring, wrong, {&one, 1}, out, out_splits, workspace));
  CHECK_REFUSES("epsilons", framecast::simplify_rings(ring, splits, {&negative, 1}, out, out_splits, workspace));
  CHECK_REFUSES("points", framecast::simplify_rings(bad, splits, {&one, 1}, out, out_splits, workspace));
}
