#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "framecast/polygons.h"
#include "fuzz_input.h"
#include "ring_topology.h"

/// Where the rings of an instance begin and end in `ring_splits`.
inline std::span<const std::int64_t> splits_of(const framecast::Polygons& polygons, std::size_t instance) {
  const auto first = polygons.part_splits[static_cast<std::size_t>(polygons.instance_splits[instance])];
  const auto last = polygons.part_splits[static_cast<std::size_t>(polygons.instance_splits[instance + 1])];
  return {polygons.ring_splits.data() + first, static_cast<std::size_t>(last - first) + 1};
}

/// The rings of an instance as a family of its own.
struct FuzzRings {
  FuzzRings(const framecast::Polygons& polygons, std::size_t instance) {
    const auto given = splits_of(polygons, instance);
    points = {polygons.points.data() + given.front(), static_cast<std::size_t>(given.back() - given.front())};
    for (const std::int64_t split : given) splits.push_back(split - given.front());
  }

  std::span<const framecast::Point> points;
  std::vector<std::int64_t> splits;
};

/// What holds of any result: offsets, no conflict, exteriors and holes the right way round.
inline void check_polygons(const framecast::Polygons& polygons, std::size_t count) {
  FUZZ_CHECK(polygons.areas.size() == count && polygons.boxes.size() == count);
  FUZZ_CHECK(polygons.instance_splits.size() == count + 1);
  for (std::size_t k = 0; k < count; ++k) {
    const FuzzRings rings(polygons, k);
    std::vector<bool> exterior(rings.splits.size() - 1);
    const std::int64_t first_ring = polygons.part_splits[static_cast<std::size_t>(polygons.instance_splits[k])];
    for (std::int64_t p = polygons.instance_splits[k]; p < polygons.instance_splits[k + 1]; ++p) {
      exterior[static_cast<std::size_t>(polygons.part_splits[static_cast<std::size_t>(p)] - first_ring)] = true;
    }
    if (exterior.empty()) continue;
    framecast::RingTopology topology;
    std::vector<std::uint8_t> bad(exterior.size(), 0);
    topology.load(rings.points, rings.splits);
    topology.mark_conflicts(bad);
    for (std::size_t r = 0; r < exterior.size(); ++r) {
      FUZZ_CHECK(rings.splits[r + 1] - rings.splits[r] >= 3);
      FUZZ_CHECK(!bad[r]);
      FUZZ_CHECK((topology.doubled_area(r) > 0) == exterior[r]);
    }
  }
}
