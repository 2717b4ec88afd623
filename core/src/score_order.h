#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace framecast {

/// Keys of score (upper half, rising as the score falls) and row, in the order that suppression takes candidates in.
///
/// They are put into buckets at once, but sorted within a bucket only when it is reached: a caller that stops early
/// does not pay for sorting the rest. Whatever the scores, the whole is linear.
class ScoreOrder {
 public:
  static std::uint32_t row_of(std::uint64_t key) { return static_cast<std::uint32_t>(key); }

  /// Room for `count` keys, to be filled before `arrange`.
  std::uint64_t* room(std::size_t count);

  /// Takes the first `count` keys of the room, whose rows rise; `lowest` and `highest` bound the upper halves.
  void arrange(std::size_t count, std::uint32_t lowest, std::uint32_t highest);

  /// The arranged keys; in order up to where `sort_from` came.
  const std::uint64_t* keys() const { return arranged_; }

  /// Sorts on from `begin`, where the last call ended or 0; returns how far, which is at most the count.
  std::size_t sort_from(std::size_t begin);

 private:
  std::uint32_t bucket(std::uint64_t key) const { return (static_cast<std::uint32_t>(key >> 32) - lowest_) >> shift_; }
  void sort_many(std::uint64_t* keys, std::size_t count);

  std::vector<std::uint64_t> keys_[2];
  std::vector<std::uint32_t> counters_;
  std::uint64_t* arranged_ = nullptr;
  std::uint64_t* spare_ = nullptr;
  std::size_t count_ = 0;
  std::uint32_t lowest_ = 0;
  int shift_ = 0;
};

}  // namespace framecast
