#include "candidate_order.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace framecast {
namespace {

/// Group numbers for labels that lie far apart: their place among the labels present.
void number_sparse_labels(CandidateOrder& order) {
  auto& labels = order.labels;
  labels.resize(order.groups.size());
  for (std::size_t i = 0; i < labels.size(); ++i) labels[i] = static_cast<std::int32_t>(order.groups[i]);
  std::sort(labels.begin(), labels.end());
  labels.erase(std::unique(labels.begin(), labels.end()), labels.end());
  for (auto& group : order.groups) {
    const auto at = std::lower_bound(labels.begin(), labels.end(), static_cast<std::int32_t>(group));
    group = static_cast<std::uint32_t>(at - labels.begin());
  }
  order.group_count = labels.size();
}

}  // namespace

void sort_keys(CandidateOrder& order) {
  auto& keys = order.keys;
  const std::size_t count = keys.size();
  if (count < 64) {  // The lower halves rise, so sorting whole keys keeps their order too.
    std::sort(keys.begin(), keys.end());
    return;
  }
  // A radix sort over the bits in which the upper halves differ.
  std::uint32_t lowest = std::numeric_limits<std::uint32_t>::max();
  std::uint32_t highest = 0;
  for (std::uint64_t key : keys) {
    lowest = std::min(lowest, static_cast<std::uint32_t>(key >> 32));
    highest = std::max(highest, static_cast<std::uint32_t>(key >> 32));
  }
  const int bits = std::bit_width(highest - lowest);
  if (bits == 0) return;
  const int passes = (bits + 10) / 11;
  const int digit_bits = (bits + passes - 1) / passes;
  const std::size_t digits = std::size_t{1} << digit_bits;
  auto digit = [lowest, digit_bits, digits](std::uint64_t key, int pass) {
    return ((static_cast<std::uint32_t>(key >> 32) - lowest) >> (pass * digit_bits)) & (digits - 1);
  };
  auto& spare = order.spare_keys;
  spare.reserve(keys.capacity());  // The two change places.
  spare.resize(count);
  for (int pass = 0; pass < passes; ++pass) {
    auto& places = order.counters;
    places.assign(digits, 0);
    for (std::uint64_t key : keys) ++places[digit(key, pass)];
    std::uint32_t place = 0;
    for (auto& counter : places) place += std::exchange(counter, place);
    for (std::uint64_t key : keys) spare[places[digit(key, pass)]++] = key;
    keys.swap(spare);
  }
}

void group_candidates(std::span<const std::int32_t> classes, bool class_agnostic, CandidateOrder& order) {
  auto& groups = order.groups;
  if (class_agnostic || order.size() == 0) {
    groups.assign(order.size(), 0);
    order.group_count = 1;
  } else {
    groups.resize(order.size());
    std::int32_t lowest = std::numeric_limits<std::int32_t>::max();
    std::int32_t highest = std::numeric_limits<std::int32_t>::min();
    for (std::size_t i = 0; i < groups.size(); ++i) {
      const std::int32_t label = classes[order.row(i)];
      groups[i] = static_cast<std::uint32_t>(label);
      lowest = std::min(lowest, label);
      highest = std::max(highest, label);
    }
    const std::int64_t range = std::int64_t{highest} - lowest + 1;
    if (range <= static_cast<std::int64_t>(groups.size()) + 1024) {
      for (auto& group : groups) group -= static_cast<std::uint32_t>(lowest);
      order.group_count = static_cast<std::size_t>(range);
    } else {
      number_sparse_labels(order);
    }
  }
  order.starts.assign(order.group_count + 1, 0);
  for (std::uint32_t group : groups) ++order.starts[group + 1];
  for (std::size_t g = 0; g < order.group_count; ++g) order.starts[g + 1] += order.starts[g];
}

}  // namespace framecast
