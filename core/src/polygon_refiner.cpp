#include "polygon_refiner.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace framecast {
namespace {

/// So many rounds split chords in two; after that their points all come back.
constexpr std::size_t kSplittingRounds = 12;
/// So many times the nesting of rings may turn out wrong before everything comes back.
constexpr std::size_t kNestingRounds = 24;
/// Past this many nodes and edges per point, everything comes back as well.
constexpr std::size_t kWorkPerPoint = 1024;
constexpr std::size_t kFreeWork = 1 << 20;

/// Whether the boxes of two edges overlap or touch.
bool overlap(const Box& a, const Box& b) { return a.x1 <= b.x2 && a.x2 >= b.x1 && a.y1 <= b.y2 && a.y2 >= b.y1; }

bool is_before(const Point& a, const Point& b) { return a.x < b.x || (a.x == b.x && a.y < b.y); }

}  // namespace

std::size_t PolygonRefiner::after(std::size_t point) const {
  const std::uint32_t ring = ring_of_[point];
  return point + 1 < starts_[ring + 1] ? point + 1 : starts_[ring];
}

/// Begins with the chords between the points that a splitter keeps of its rings from `first` on.
void PolygonRefiner::take_kept(const ChainSplitter& splitter, std::size_t first) {
  kept_.clear();
  chains_.clear();
  limits_.clear();
  firsts_.clear();
  next_.resize(points_.size());
  before_.resize(points_.size());
  for (std::size_t r = 0; r + 1 < starts_.size(); ++r) {
    const std::size_t begin = kept_.size();
    splitter.append_kept(first + r, starts_[r], kept_);
    limits_.push_back(splitter.squared_limit(first + r));
    firsts_.push_back(begin < kept_.size() ? kept_[begin] : starts_[r]);
    for (std::size_t i = begin; i < kept_.size(); ++i) {
      const std::uint32_t end = kept_[i + 1 < kept_.size() ? i + 1 : begin];
      next_[kept_[i]] = end;
      before_[end] = kept_[i];
      chains_.push_back({kept_[i], end});
    }
  }
}

/// Makes a tree of the boxes around chains, all points between their ends included.
void PolygonRefiner::build_tree(std::span<const Chain> chains, BoxTree& tree) const {
  tree.reset(chains.size());
  for (std::size_t i = 0; i < chains.size(); ++i) {
    const Chain& chain = chains[i];
    Box box = box_around(points_[chain.begin], points_[chain.end]);
    for (std::size_t p = after(chain.begin); p != chain.end; p = after(p)) {
      const Point& point = points_[p];
      box = {std::min(box.x1, point.x), std::min(box.y1, point.y), std::max(box.x2, point.x),
             std::max(box.y2, point.y)};
    }
    tree.set(i, box);
  }
  tree.finish();
}

void PolygonRefiner::restore_all() {
  for (std::size_t p = 0; p < points_.size(); ++p) next_[p] = static_cast<std::uint32_t>(after(p));
  firsts_.assign(starts_.begin(), starts_.end() - 1);
}

bool PolygonRefiner::run(std::span<const Point> points, std::span<const std::int64_t> ring_splits,
                         std::span<const float> epsilons) {
  const std::size_t rings = ring_splits.size() - 1;
  points_.clear();
  ring_of_.clear();
  starts_.assign(1, 0);
  for (std::size_t r = 0; r < rings; ++r) {
    const std::size_t first = points_.size();
    const auto begin = static_cast<std::size_t>(ring_splits[r] - ring_splits[0]);
    const auto end = static_cast<std::size_t>(ring_splits[r + 1] - ring_splits[0]);
    for (std::size_t i = begin; i < end; ++i) {
      if (points_.size() == first || !(points_.back() == points[i])) points_.push_back(points[i]);
    }
    while (points_.size() > first + 1 && points_.back() == points_[first]) points_.pop_back();
    ring_of_.resize(points_.size(), static_cast<std::uint32_t>(r));
    starts_.push_back(static_cast<std::uint32_t>(points_.size()));
  }
  splitter_.clear();
  for (std::size_t r = 0; r < rings; ++r) {
    if (!splitter_.add({points_.data() + starts_[r], starts_[r + 1] - starts_[r]}, epsilons[r])) return false;
  }
  splitter_.run();
  take_kept(splitter_, 0);
  refine();
  return true;
}

void PolygonRefiner::run(std::span<const Point> points, std::span<const std::int64_t> ring_splits,
                         const ChainSplitter& splitter, std::size_t first) {
  points_.assign(points.begin(), points.end());
  ring_of_.clear();
  starts_.assign(1, 0);
  for (std::size_t r = 0; r + 1 < ring_splits.size(); ++r) {
    starts_.push_back(static_cast<std::uint32_t>(ring_splits[r + 1] - ring_splits[0]));
    ring_of_.resize(starts_.back(), static_cast<std::uint32_t>(r));
  }
  take_kept(splitter, first);
  refine();
}

/// Gives back points until no chord disturbs another edge.
void PolygonRefiner::refine() {
  work_ = 0;
  most_work_ = kFreeWork + kWorkPerPoint * points_.size();
  bad_.assign(points_.size(), 0);
  marked_.clear();
  changed_.clear();
  for (const Chain& chain : chains_) {
    if (is_chord(chain.begin)) changed_.push_back(chain.begin);
  }
  if (changed_.empty()) return;
  build_tree(chains_, tree_);
  std::size_t nesting_rounds = 0;
  for (std::size_t round = 0;; ++round) {
    find_conflicts();
    if (marked_.empty()) {
      find_flipped_rings();
      find_passed_rings();
      if (marked_.empty()) return;
      ++nesting_rounds;
    }
    if (work_ > most_work_ || nesting_rounds > kNestingRounds) {
      restore_all();
      return;
    }
    split_marked(round >= kSplittingRounds);
  }
}

void PolygonRefiner::mark(std::size_t begin) {
  if (bad_[begin] || !is_chord(begin)) return;
  bad_[begin] = 1;
  marked_.push_back(static_cast<std::uint32_t>(begin));
}

/// Marks the chords that meet another edge where they must not. Only edges that are new need a look.
void PolygonRefiner::find_conflicts() {
  for (const std::uint32_t begin : changed_) {
    const RingEdge own = edge(begin);
    const bool own_is_chord = is_chord(begin);
    const Box box = box_around(points_[own.begin], points_[own.end]);
    for (const std::uint32_t number : tree_.find(0, chains_.size(), box, work_)) {
      const Chain& chain = chains_[number];
      for (std::size_t other = chain.begin; other != chain.end; other = next_[other]) {
        ++work_;
        if (other == begin || !(own_is_chord || is_chord(other))) continue;
        const RingEdge others = edge(other);
        if (!overlap(box, box_around(points_[others.begin], points_[others.end]))) continue;
        if (!edges_conflict(points_, own, others)) continue;
        mark(begin);
        mark(other);
      }
    }
  }
  changed_.clear();
}

/// Which way round a ring without crossings runs: at its first point by x and y it turns as it does as a whole.
int PolygonRefiner::turning(std::size_t ring, bool simplified) const {
  const std::size_t start = simplified ? firsts_[ring] : starts_[ring];
  std::size_t first = start, before_first = start, last = start;
  for (std::size_t p = start;;) {
    const std::size_t next = simplified ? next_[p] : after(p);
    if (is_before(points_[next], points_[first])) first = next, before_first = p;
    last = p;
    p = next;
    if (p == start) break;
  }
  if (first == start) before_first = last;
  return orientation(points_[before_first], points_[first], points_[simplified ? next_[first] : after(first)]);
}

/// Marks all chords of rings that now run the other way round.
void PolygonRefiner::find_flipped_rings() {
  for (std::size_t r = 0; r + 1 < starts_.size(); ++r) {
    if (limits_[r] == 0) continue;  // Nothing was left out.
    work_ += starts_[r + 1] - starts_[r];
    const int expected = turning(r, false);
    if (expected == 0 || turning(r, true) == expected) continue;
    std::size_t p = firsts_[r];
    do {
      mark(p);
      p = next_[p];
    } while (p != firsts_[r]);
  }
}

/// Makes a tree of the chords as they are now. Of the chains of the first result few may be left, and far smaller ones.
void PolygonRefiner::collect_chords() {
  chords_.clear();
  for (std::size_t r = 0; r + 1 < starts_.size(); ++r) {
    if (limits_[r] == 0) continue;  // Nothing was left out.
    std::uint32_t p = firsts_[r];
    do {
      if (is_chord(p)) chords_.push_back({p, next_[p]});
      p = next_[p];
    } while (p != firsts_[r]);
  }
  build_tree(chords_, chord_tree_);
}

/// Collects the chords of other rings between which and their chain a point lies; false if it lies on such an edge.
bool PolygonRefiner::find_chords_around(std::size_t point) {
  const Point& at = points_[point];
  bool is_clear = true;
  around_.clear();
  for (const std::uint32_t number : chord_tree_.find(0, chords_.size(), {at.x, at.y, at.x, at.y}, work_)) {
    const Chain& chord = chords_[number];
    if (ring_of_[chord.begin] == ring_of_[point]) continue;
    bool is_inside = false, is_on_edge = false;
    // Along the chain and back over the chord; an edge counts where a ray to the right meets it.
    for (std::size_t p = chord.begin;;) {
      ++work_;
      const std::size_t q = p == chord.end ? chord.begin : after(p);
      const Point& a = points_[p];
      const Point& b = points_[q];
      const bool crosses_row = (a.y > at.y) != (b.y > at.y);
      if (crosses_row || overlap(box_around(a, b), {at.x, at.y, at.x, at.y})) {
        const int side = orientation(a, b, at);
        if (side == 0) is_on_edge |= overlap(box_around(a, b), {at.x, at.y, at.x, at.y});
        if (crosses_row && (side > 0) == (b.y > a.y)) is_inside = !is_inside;
      }
      if (p == chord.end) break;
      p = q;
    }
    is_clear &= !is_on_edge;
    if (is_inside || is_on_edge) around_.push_back({ring_of_[chord.begin], chord.begin});
  }
  return is_clear;
}

/// Marks the chords that passed over another ring: an odd number of a ring's chords went over one of its points.
void PolygonRefiner::find_passed_rings() {
  constexpr int kTries = 16;  // For a point of the ring that is on no edge of another.
  const std::size_t rings = starts_.size() - 1;
  if (rings < 2) return;
  collect_chords();
  for (std::size_t r = 0; r < rings; ++r) {
    if (starts_[r] == starts_[r + 1]) continue;
    std::size_t point = firsts_[r];
    bool is_clear = find_chords_around(point);
    for (int tries = 1; !is_clear && tries < kTries && next_[point] != firsts_[r]; ++tries) {
      point = next_[point];
      is_clear = find_chords_around(point);
    }
    std::sort(around_.begin(), around_.end(), [](const Passage& a, const Passage& b) { return a.ring < b.ring; });
    for (std::size_t begin = 0, end = 0; begin < around_.size(); begin = end) {
      while (end < around_.size() && around_[end].ring == around_[begin].ring) ++end;
      if (is_clear && (end - begin) % 2 == 0) continue;
      for (std::size_t i = begin; i < end; ++i) mark(around_[i].chord);
    }
  }
}

/// The point between two others that is farthest from their segment; `squared`: its distance's square, times the
/// segment's unless that is 0.
std::size_t PolygonRefiner::farthest(std::size_t begin, std::size_t end, double& squared) {
  const double ax = points_[begin].x, ay = points_[begin].y;
  const double dx = points_[end].x - ax, dy = points_[end].y - ay;
  const double squared_length = dx * dx + dy * dy;
  std::size_t found = begin;
  squared = -1;
  for (std::size_t p = after(begin); p != end; p = after(p)) {
    ++work_;
    const double px = points_[p].x - ax, py = points_[p].y - ay;
    const double along = px * dx + py * dy;
    const double across = px * dy - py * dx;
    const double beyond = std::max({0.0, -along, along - squared_length});
    const double value = squared_length == 0 ? px * px + py * py : across * across + beyond * beyond;
    if (value > squared) squared = value, found = p;
  }
  const double unit = squared_length == 0 ? 1 : squared_length;
  squared /= unit;
  return found;
}

void PolygonRefiner::link(std::size_t begin, std::size_t end) {
  next_[begin] = static_cast<std::uint32_t>(end);
  before_[end] = static_cast<std::uint32_t>(begin);
  changed_.push_back(static_cast<std::uint32_t>(begin));
  std::uint32_t& first = firsts_[ring_of_[begin]];
  first = std::min(first, static_cast<std::uint32_t>(begin));
}

/// Splits a chord at its farthest point, and its parts while a point of theirs is too far; `restore`: into edges.
void PolygonRefiner::split_chord(std::uint32_t begin, bool restore) {
  const double limit = limits_[ring_of_[begin]];
  bool must_split = true;
  stack_.assign(1, {begin, next_[begin]});
  while (!stack_.empty()) {
    const Chain part = stack_.back();
    stack_.pop_back();
    std::size_t between = part.begin;
    if (after(part.begin) != part.end) {
      double squared = 0;
      if (restore || work_ > most_work_) {
        between = after(part.begin);
      } else {
        const std::size_t found = farthest(part.begin, part.end, squared);
        if (must_split || squared > limit) between = found;
      }
    }
    must_split = false;
    if (between == part.begin) {
      link(part.begin, part.end);
      continue;
    }
    stack_.push_back({static_cast<std::uint32_t>(between), part.end});
    stack_.push_back({part.begin, static_cast<std::uint32_t>(between)});
  }
}

void PolygonRefiner::split_marked(bool restore) {
  for (const std::uint32_t begin : marked_) {
    bad_[begin] = 0;
    split_chord(begin, restore);
  }
  marked_.clear();
}

std::size_t PolygonRefiner::write(std::size_t ring, Point* out) const {
  if (starts_[ring] == starts_[ring + 1]) return 0;
  Point* place = out;
  std::uint32_t p = firsts_[ring];
  do {
    *place++ = points_[p];
    p = next_[p];
  } while (p != firsts_[ring]);
  return static_cast<std::size_t>(place - out);
}

}  // namespace framecast
