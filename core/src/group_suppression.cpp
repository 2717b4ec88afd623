#include "group_suppression.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <utility>

#include "finite_box.h"

namespace framecast {
namespace {

constexpr std::size_t kCoded = 192;      // As many boxes get codes,
constexpr std::size_t kPlaced = 1024;    // and as many are sorted by place,
constexpr std::size_t kPerStrip = 128;   // into strips of about so many.
constexpr std::size_t kStripEnds = 257;  // Where each x1 begins, and where the last ends.
constexpr int kMostStripBits = 5;
constexpr std::uint32_t kWideWindow = 256 * 256 / 24;  // In cells of x1, y1 or x2, y2.

constexpr float kInfinity = std::numeric_limits<float>::infinity();
// Neither 0 nor infinite, so that no product of a scale is NaN.
constexpr float kLeastScale = 1e-37f, kMostScale = 1e30f;

/// A grid over the middle three quarters of some of the boxes and a third more on each side.
CodeFrame frame_of(const Box* boxes, std::span<const std::uint32_t> members) {
  constexpr std::size_t kSamples = 32;
  const std::size_t samples = std::min(members.size(), kSamples);
  float ends[2][2 * kSamples];
  std::size_t finite = 0;
  for (std::size_t i = 0; i < samples; ++i) {
    const Box& box = boxes[members[i * members.size() / samples]];
    if (!is_finite(box)) continue;
    ends[0][2 * finite] = box.x1;
    ends[0][2 * finite + 1] = box.x2;
    ends[1][2 * finite] = box.y1;
    ends[1][2 * finite + 1] = box.y2;
    ++finite;
  }
  if (finite == 0) return {Corners{}, Corners{} + kLeastScale};
  CodeFrame frame;
  for (std::size_t axis = 0; axis < 2; ++axis) {
    std::sort(ends[axis], ends[axis] + 2 * finite);
    const float low = ends[axis][finite / 4], high = ends[axis][2 * finite - 1 - finite / 4];
    const float margin = high / 3 - low / 3;
    frame.origin[axis] = frame.origin[axis + 2] = low - margin;
    frame.scale[axis] = frame.scale[axis + 2] = std::clamp(256 / (high - low + 2 * margin), kLeastScale, kMostScale);
  }
  return frame;
}

void transpose(Corners (&rows)[4]) {
  const Corners low01 = __builtin_shufflevector(rows[0], rows[1], 0, 4, 1, 5);
  const Corners low23 = __builtin_shufflevector(rows[2], rows[3], 0, 4, 1, 5);
  const Corners high01 = __builtin_shufflevector(rows[0], rows[1], 2, 6, 3, 7);
  const Corners high23 = __builtin_shufflevector(rows[2], rows[3], 2, 6, 3, 7);
  rows[0] = __builtin_shufflevector(low01, low23, 0, 1, 4, 5);
  rows[1] = __builtin_shufflevector(low01, low23, 2, 3, 6, 7);
  rows[2] = __builtin_shufflevector(high01, high23, 0, 1, 4, 5);
  rows[3] = __builtin_shufflevector(high01, high23, 2, 3, 6, 7);
}

/// A bit for each of four numbers that is 0 and not NaN.
std::uint32_t zero_bits(Corners numbers) {
  using Bits = std::int32_t __attribute__((vector_size(16)));
  using Pairs = std::uint64_t __attribute__((vector_size(16)));
  const auto pairs = std::bit_cast<Pairs>((numbers == Corners{}) & Bits{1, 2, 4, 8});
  const std::uint64_t both = pairs[0] | pairs[1];
  return static_cast<std::uint32_t>(both | both >> 32);
}

/// Those members that are left, from `next` on, move to the front; returns how many.
template <typename IsLeft>
std::size_t keep_left(std::span<std::uint32_t> members, std::size_t next, IsLeft is_left) {
  std::size_t count = 0;
  for (std::size_t i = next; i < members.size(); ++i) {
    members[count] = members[i];
    count += is_left(i);
  }
  return count;
}

}  // namespace

void GroupSuppression::start(const kernels::NmsKernels& kernels, float threshold) {
  kernels_ = kernels;
  limit_ = kernels::OverlapLimit(threshold);
  windows_ = CodeWindows(threshold);
}

void GroupSuppression::run(const Box* boxes, std::span<std::uint32_t> members, std::size_t limit, std::uint8_t* stays) {
  may_stay_ = limit;
  for (std::size_t count = members.size(); count > 0 && may_stay_ > 0;) {
    members = members.first(count);
    lay_out(boxes, members);
    count = count < kPlaced ? strike_in_order(members, stays) : strike_by_place(members, stays);
  }
}

void GroupSuppression::lay_out(const Box* boxes, std::span<const std::uint32_t> members) {
  const std::size_t count = members.size(), words = (count + 63) / 64;
  if (blocks_.size() < words) {
    blocks_.resize(words);
    left_.resize(words);
  }
  const bool coded = count >= kCoded;
  if (coded) frame_ = frame_of(boxes, members);
  left_count_ = 0;
  for (std::size_t word = 0; word < words; ++word) {
    kernels::CodedBoxes& block = blocks_[word];
    const std::uint32_t* const rows = members.data() + word * 64;
    const std::size_t size = std::min<std::size_t>(count - word * 64, 64);
    std::uint64_t finite = 0;
    for (std::size_t i = 0; i < size; i += 4) {
      Corners four[4];
      for (std::size_t k = 0; k < 4; ++k) std::memcpy(&four[k], &boxes[rows[std::min(i + k, size - 1)]], sizeof(Box));
      if (coded) {
        for (std::size_t k = 0; k < 4; ++k) block.code[i + k] = encode(four[k], frame_);
      }
      transpose(four);
      const auto& [x1, y1, x2, y2] = four;
      const Corners area = ((x1 < x2) & (y1 < y2)) ? (x2 - x1) * (y2 - y1) : Corners{} + kInfinity;
      std::memcpy(&block.x1[i], &x1, sizeof(x1));
      std::memcpy(&block.y1[i], &y1, sizeof(y1));
      std::memcpy(&block.x2[i], &x2, sizeof(x2));
      std::memcpy(&block.y2[i], &y2, sizeof(y2));
      std::memcpy(&block.area[i], &area, sizeof(area));
      finite |= std::uint64_t{zero_bits((x1 - x1) + (y1 - y1) + (x2 - x2) + (y2 - y2))} << i;
    }
    if (size < 64) finite &= (std::uint64_t{1} << size) - 1;
    left_[word] = finite;
    left_count_ += static_cast<std::size_t>(std::popcount(finite));
  }
}

Box GroupSuppression::box_at(std::size_t at) const {
  const kernels::CodedBoxes& block = blocks_[at / 64];
  return {block.x1[at % 64], block.y1[at % 64], block.x2[at % 64], block.y2[at % 64]};
}

/// Strikes out what the box `at` overlaps too much in [begin, end), where `window`, if any, is around it.
std::size_t GroupSuppression::strike(std::size_t begin, std::size_t end, std::size_t at, const CodeWindow* window) {
  if (window == nullptr || window->is_wide(kWideWindow)) {
    return kernels_.strike_any(blocks_.data(), begin, end, at, limit_, left_.data());
  }
  return kernels_.strike_near(blocks_.data(), begin, end, at, limit_, {window->low, window->span()}, left_.data());
}

/// Returns how many members are left, at the front, for another turn without those that are struck out.
std::size_t GroupSuppression::strike_in_order(std::span<std::uint32_t> members, std::uint8_t* stays) {
  const std::size_t count = members.size();
  const bool coded = count >= kCoded;
  std::uint64_t* const left = left_.data();
  std::size_t left_count = left_count_;
  for (std::size_t at = 0; left_count > 0; ++at) {
    // Mostly either the next box is left or many are struck out; a branch that guesses which spares waiting for `left`.
    if (!is_left(at)) {
      std::size_t word = at / 64;
      std::uint64_t bits = left[word] & ~std::uint64_t{0} << at % 64;
      while (bits == 0) bits = left[++word];
      at = word * 64 + static_cast<std::size_t>(std::countr_zero(bits));
    }
    stays[members[at]] = 1;
    --left_count;
    if (--may_stay_ == 0) return 0;
    if (!coded) {
      left_count -= strike(at + 1, count, at, nullptr);
      continue;
    }
    const float area = blocks_[at / 64].area[at % 64];
    if (!(area < kInfinity)) continue;  // No overlap above 0 with any, or a union that is not finite.
    const CodeWindow window = windows_.around(box_at(at), area, frame_);
    left_count -= strike(at + 1, count, at, &window);
    if (left_count < (count - at) / 2) {
      return keep_left(members, at + 1, [this](std::size_t i) { return is_left(i); });
    }
  }
  return 0;
}

std::size_t GroupSuppression::strike_by_place(std::span<std::uint32_t> members, std::uint8_t* stays) {
  const std::size_t count = members.size();
  sort_by_place(count);
  std::uint64_t* const left = left_.data();
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t at = place_[i];
    if (!is_left(at)) continue;
    stays[members[i]] = 1;
    if (--may_stay_ == 0) return 0;
    left[at / 64] ^= std::uint64_t{1} << at % 64;
    --left_count_;
    const float area = blocks_[at / 64].area[at % 64];
    if (!(area < kInfinity)) continue;  // No overlap above 0 with any, or a union that is not finite.
    const CodeWindow window = windows_.around(box_at(at), area, frame_);
    const std::size_t last = (window.high >> 8 & 255) >> strip_shift_;
    for (std::size_t strip = (window.low >> 8 & 255) >> strip_shift_; strip <= last; ++strip) {
      const std::uint32_t* ends = ends_.data() + strip * kStripEnds;
      left_count_ -= strike(ends[window.low & 255], ends[(window.high & 255) + 1], at, &window);
    }
    if (left_count_ < (count - i) / 2) {
      return keep_left(members, i + 1, [this](std::size_t member) { return is_left(place_[member]); });
    }
  }
  return 0;
}

/// A counting sort by strip and x1 of what has been laid out.
void GroupSuppression::sort_by_place(std::size_t count) {
  const int strip_bits = std::min(kMostStripBits, static_cast<int>(std::bit_width(count / kPerStrip)));
  strip_shift_ = static_cast<std::uint32_t>(8 - strip_bits);
  auto entry_of = [shift = strip_shift_](std::uint32_t code) {
    return ((code >> 8 & 255) >> shift) * kStripEnds + (code & 255);
  };
  ends_.assign((std::size_t{1} << strip_bits) * kStripEnds, 0);
  for (std::size_t i = 0; i < count; ++i) ++ends_[entry_of(blocks_[i / 64].code[i % 64])];
  std::uint32_t begin = 0;
  for (std::uint32_t& entry : ends_) begin += std::exchange(entry, begin);
  place_.resize(std::max(place_.size(), count));
  moved_.resize(blocks_.size());
  for (std::size_t i = 0; i < count; ++i) {
    const kernels::CodedBoxes& from = blocks_[i / 64];
    const std::size_t place = place_[i] = ends_[entry_of(from.code[i % 64])]++;
    kernels::CodedBoxes& to = moved_[place / 64];
    to.x1[place % 64] = from.x1[i % 64];
    to.y1[place % 64] = from.y1[i % 64];
    to.x2[place % 64] = from.x2[i % 64];
    to.y2[place % 64] = from.y2[i % 64];
    to.area[place % 64] = from.area[i % 64];
    to.code[place % 64] = from.code[i % 64];
  }
  blocks_.swap(moved_);
  // Each entry is now where its boxes end, which is where the next entry's begin.
  std::copy_backward(ends_.begin(), ends_.end() - 1, ends_.end());
  ends_.front() = 0;
  if (left_count_ == count) return;
  // Those that are not finite lie elsewhere now.
  std::fill_n(left_.begin(), (count + 63) / 64, std::uint64_t{0});
  for (std::size_t i = 0; i < count; ++i) left_[i / 64] |= std::uint64_t{is_finite(box_at(i))} << i % 64;
}

}  // namespace framecast
