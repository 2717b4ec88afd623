#include "score_order.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <utility>

namespace framecast {
namespace {

constexpr int kMostBucketBits = 16;
constexpr std::size_t kAtOnce = 64;  // Sorted by one call, at least, so that the calls do not count.
constexpr std::size_t kFew = 24;     // As many or fewer are sorted by insertion,
constexpr std::size_t kMany = 256;   // as many or more by radix.

}  // namespace

std::uint64_t* ScoreOrder::room(std::size_t count) {
  for (auto& keys : keys_) keys.resize(std::max(keys.size(), count));
  return keys_[0].data();
}

void ScoreOrder::arrange(std::size_t count, std::uint32_t lowest, std::uint32_t highest) {
  count_ = count;
  lowest_ = lowest;
  arranged_ = keys_[0].data();
  spare_ = keys_[1].data();
  if (count < 2) return;
  // More buckets than keys, so that most hold one or none.
  const int bits = std::clamp(static_cast<int>(std::bit_width(count)), 6, kMostBucketBits);
  shift_ = std::max(0, static_cast<int>(std::bit_width(highest - lowest)) - bits);
  counters_.assign(((highest - lowest) >> shift_) + std::size_t{1}, 0);
  std::uint32_t* places = counters_.data();
  for (std::size_t i = 0; i < count; ++i) ++places[bucket(arranged_[i])];
  std::uint32_t place = 0;
  for (std::uint32_t& counter : counters_) place += std::exchange(counter, place);
  for (std::size_t i = 0; i < count; ++i) spare_[places[bucket(arranged_[i])]++] = arranged_[i];
  std::swap(arranged_, spare_);
}

std::size_t ScoreOrder::sort_from(std::size_t begin) {
  std::uint64_t* const keys = arranged_;
  std::size_t at = begin + 1;
  for (; at < count_; ++at) {
    const std::uint64_t key = keys[at];
    if (at - begin >= kAtOnce && bucket(key) != bucket(keys[at - 1])) break;
    // Insertion, which never leaves the bucket, since those before it hold lower keys.
    std::size_t place = at;
    for (; place > begin && keys[place - 1] > key && at - place < kFew; --place) keys[place] = keys[place - 1];
    keys[place] = key;
    if (at - place < kFew) continue;
    std::size_t first = place, end = at + 1;
    while (first > begin && bucket(keys[first - 1]) == bucket(key)) --first;
    while (end < count_ && bucket(keys[end]) == bucket(key)) ++end;
    sort_many(keys + first, end - first);
    at = end - 1;
  }
  return std::min(at, count_);
}

/// By the upper halves, keeping the order of equal ones: a radix sort over the bits that differ.
void ScoreOrder::sort_many(std::uint64_t* keys, std::size_t count) {
  std::uint32_t lowest = std::numeric_limits<std::uint32_t>::max();
  std::uint32_t highest = 0;
  for (std::size_t i = 0; i < count; ++i) {
    lowest = std::min(lowest, static_cast<std::uint32_t>(keys[i] >> 32));
    highest = std::max(highest, static_cast<std::uint32_t>(keys[i] >> 32));
  }
  const int bits = std::bit_width(highest - lowest);
  if (bits == 0) return;
  if (count < kMany) {  // The rows of equal scores rise, so sorting whole keys keeps their order too.
    std::sort(keys, keys + count);
    return;
  }
  const int passes = (bits + 10) / 11;
  const int digit_bits = (bits + passes - 1) / passes;
  const std::size_t digits = std::size_t{1} << digit_bits;
  auto digit = [lowest, digit_bits, digits](std::uint64_t key, int pass) {
    return ((static_cast<std::uint32_t>(key >> 32) - lowest) >> (pass * digit_bits)) & (digits - 1);
  };
  counters_.assign(static_cast<std::size_t>(passes) * digits, 0);
  for (std::size_t i = 0; i < count; ++i) {
    for (int pass = 0; pass < passes; ++pass) {
      ++counters_[static_cast<std::size_t>(pass) * digits + digit(keys[i], pass)];
    }
  }
  std::uint64_t* from = keys;
  std::uint64_t* to = spare_;
  for (int pass = 0; pass < passes; ++pass) {
    std::uint32_t* places = counters_.data() + static_cast<std::size_t>(pass) * digits;
    std::uint32_t place = 0;
    for (std::size_t d = 0; d < digits; ++d) place += std::exchange(places[d], place);
    for (std::size_t i = 0; i < count; ++i) to[places[digit(from[i], pass)]++] = from[i];
    std::swap(from, to);
  }
  if (from != keys) std::copy_n(from, count, keys);
}

}  // namespace framecast
