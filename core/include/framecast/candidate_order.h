#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace framecast {

/// The rows of one image that take part, best first, and the class of each as a number from 0 on; reused memory.
struct CandidateOrder {
  std::vector<std::uint64_t> keys;        ///< Per candidate: its score, falling, above its row.
  std::vector<std::uint32_t> groups;      ///< Per candidate: the number of its class.
  std::size_t group_count = 0;            ///< No group is this or more; some may be empty.
  std::vector<std::uint32_t> starts;      ///< [group_count + 1], how many candidates the groups before have.
  std::vector<std::uint64_t> spare_keys;  ///< For the sort, as are the counters.
  std::vector<std::uint32_t> counters;
  std::vector<std::int32_t> labels;

  std::size_t size() const { return keys.size(); }
  std::uint32_t row(std::size_t candidate) const { return static_cast<std::uint32_t>(keys[candidate]); }
};

}  // namespace framecast
