#include "kernels/score_scan.h"

#include <limits>
#include <vector>

#include "check.h"
#include "half.h"
#include "random.h"

using namespace framecast;
using kernels::kScanBlock;

namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

/// Lengths around blocks of 16 and words of 64.
constexpr std::size_t kLengths[] = {0, 1, 7, 8, 9, 15, 16, 17, 31, 63, 64, 65, 79, 80, 127, 128, 130, 514};

/// A value of the stored type, now and then an odd one.
template <typename T>
T draw(Random& random) {
  if constexpr (std::is_same_v<T, float>) {
    const float odd[] = {kNaN, kInfinity, -kInfinity, 0.0f, -0.0f, 0.5f};
    return random.below(5) == 0 ? odd[random.below(6)] : random.uniform(-2, 2);
  } else if constexpr (std::is_same_v<T, Half>) {
    return random.below(5) == 0 ? Half{static_cast<std::uint16_t>(random.bits())} : to_half(random.uniform(-2, 2));
  } else {
    return static_cast<T>(random.bits());
  }
}

/// `count` stored values that begin off any alignment, with what passes every bound behind their end.
template <typename T>
struct Stored {
  std::vector<T> memory;
  Values<T> values;

  Stored(Random& random, std::size_t count, std::size_t offset) : memory(offset + count + 40) {
    for (std::size_t i = 0; i < memory.size(); ++i) {
      memory[i] = draw<T>(random);
      if (i >= offset + count) {
        if constexpr (std::is_same_v<T, float>) {
          memory[i] = i % 2 == 0 ? kNaN : kInfinity;
        } else if constexpr (std::is_same_v<T, Half>) {
          memory[i] = {static_cast<std::uint16_t>(i % 2 == 0 ? 0x7e00 : 0x7c00)};
        } else {
          memory[i] = std::numeric_limits<T>::max();
        }
      }
    }
    values = {memory.data() + offset};
    if constexpr (sizeof(T) == 1) values = {memory.data() + offset, 0.017f, std::is_signed_v<T> ? -3.0f : 119.0f};
  }
};

template <typename T>
void test_mark() {
  const auto scalar = kernels::score_scan_scalar<T>();
  const auto active = kernels::score_scan<T>(active_isa());
  Random random(1);
  for (std::size_t count : kLengths) {
    for (std::size_t offset = 0; offset < 4; ++offset) {
      const Stored<T> stored(random, count, offset);
      for (float bound : {0.5f, 0.0f, -1.25f, kInfinity, -kInfinity, kNaN}) {
        std::vector<std::uint64_t> marks(kernels::mark_words(count) + 1, ~std::uint64_t{0});
        std::vector<std::uint64_t> expected(marks.size(), 0);
        for (std::size_t i = 0; i < count; ++i) {
          expected[i / 64] |= std::uint64_t{stored.values[i] >= bound} << (i % 64);
        }
        expected.back() = ~std::uint64_t{0};  // Not written.
        active.mark(stored.values, count, bound, marks.data());
        CHECK(marks == expected);
        scalar.mark(stored.values, count, bound, marks.data());
        CHECK(marks == expected);
      }
    }
  }
}

template <typename T>
void test_find() {
  const auto scalar = kernels::score_scan_scalar<T>();
  const auto active = kernels::score_scan<T>(active_isa());
  Random random(2);
  for (std::size_t count : kLengths) {
    const Stored<T> stored(random, count, 1);
    std::vector<std::uint32_t> starts;
    std::vector<float> bounds;
    std::vector<std::uint32_t> expected;
    for (std::size_t start = 0; start < count; start += kScanBlock * (1 + random.below(2))) {
      for (std::size_t i = 0; i < kScanBlock; ++i) {
        const bool open = start + i < count && random.below(3) != 0;
        const float odd[] = {kInfinity, -kInfinity, 0.0f};
        bounds.push_back(!open ? kNaN : random.below(4) == 0 ? odd[random.below(3)] : random.uniform(-2, 2));
        if (open && stored.values[start + i] >= bounds.back()) {
          expected.push_back(static_cast<std::uint32_t>(starts.size() * kScanBlock + i));
        }
      }
      starts.push_back(static_cast<std::uint32_t>(start));
    }
    const kernels::ScanBlocks blocks{starts.data(), bounds.data(), starts.size(), count};
    for (const auto& scan : {scalar, active}) {
      std::vector<std::uint32_t> slots(bounds.size());
      slots.resize(scan.find(stored.values, blocks, slots.data()));
      CHECK(slots == expected);
    }
  }
}

}  // namespace

TEST(marks_are_the_comparison_of_each_number) {
  test_mark<float>();
  test_mark<Half>();
  test_mark<std::int8_t>();
  test_mark<std::uint8_t>();
}

TEST(slots_are_the_comparison_with_their_own_bound) {
  test_find<float>();
  test_find<Half>();
  test_find<std::int8_t>();
  test_find<std::uint8_t>();
}

TEST(every_half_and_every_byte_compares_as_its_number) {
  std::vector<Half> halves(1 << 16);
  for (std::size_t i = 0; i < halves.size(); ++i) halves[i] = {static_cast<std::uint16_t>(i)};
  std::vector<std::uint64_t> marks(halves.size() / 64);
  const Values<Half> values{halves.data()};
  for (float bound : {-kInfinity, -1.0f, 0x1p-24f, 0.25f, 65504.0f, kInfinity}) {
    kernels::score_scan<Half>(active_isa()).mark(values, halves.size(), bound, marks.data());
    bool same = true;
    for (std::size_t i = 0; i < halves.size(); ++i) same &= (marks[i / 64] >> (i % 64) & 1) == (values[i] >= bound);
    CHECK(same);
  }
}
