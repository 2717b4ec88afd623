#include <vector>

#include "framecast/masks_to_polygons.h"
#include "framecast/polygons_to_mask.h"
#include "fuzz_input.h"
#include "ring_topology.h"

namespace {

using namespace framecast;

std::int64_t first_point(const Polygons& polygons, std::size_t instance) {
  const auto part = static_cast<std::size_t>(polygons.instance_splits[instance]);
  return polygons.ring_splits[static_cast<std::size_t>(polygons.part_splits[part])];
}

/// What holds of any result: offsets, no conflict, exteriors and holes the right way round.
void check(const Polygons& polygons) {
  for (std::size_t k = 0; k + 1 < polygons.instance_splits.size(); ++k) {
    const std::int64_t begin = first_point(polygons, k);
    const std::int64_t end = first_point(polygons, k + 1);
    const std::span<const Point> points(polygons.points.data() + begin, static_cast<std::size_t>(end - begin));
    std::vector<std::int64_t> splits{0};
    std::vector<bool> exterior;
    for (std::int64_t p = polygons.instance_splits[k]; p < polygons.instance_splits[k + 1]; ++p) {
      const std::int64_t first = polygons.part_splits[static_cast<std::size_t>(p)];
      for (std::int64_t r = first; r < polygons.part_splits[static_cast<std::size_t>(p) + 1]; ++r) {
        splits.push_back(polygons.ring_splits[static_cast<std::size_t>(r) + 1] - begin);
        exterior.push_back(r == first);
      }
    }
    if (exterior.empty()) continue;
    RingTopology topology;
    std::vector<std::uint8_t> bad(exterior.size(), 0);
    topology.load(points, splits);
    topology.mark_conflicts(bad);
    for (std::size_t r = 0; r < exterior.size(); ++r) {
      FUZZ_CHECK(splits[r + 1] - splits[r] >= 3);
      FUZZ_CHECK(!bad[r]);
      FUZZ_CHECK((topology.doubled_area(r) > 0) == exterior[r]);
    }
  }
}

}  // namespace

// Any soft masks, boxes and settings give valid polygons; without simplification, any binary mask comes back.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  FuzzInput input(data, size);
  MaskWorkspace workspace;
  Polygons out;
  const auto count = input.in_range<std::size_t>(0, 3), side = input.in_range<std::size_t>(1, 12);
  std::vector<Box> boxes(count);
  std::vector<std::int32_t> image_sizes;
  std::vector<float> rdp;
  for (Box& box : boxes) {
    box = {input.number(), input.number(), input.number(), input.number()};
    image_sizes.insert(image_sizes.end(), {input.in_range(1, 96), input.in_range(1, 96)});
    rdp.push_back(input.flag() ? input.fraction() / 8 : 0);
  }
  const float threshold = input.fraction();
  std::vector<float> probabilities(count * side * side);
  const bool tame = input.flag();
  for (float& value : probabilities) value = tame ? input.fraction() : input.number();
  masks_to_polygons({probabilities, side, boxes, image_sizes}, threshold, rdp, out, workspace);
  FUZZ_CHECK(out.areas.size() == count && out.instance_splits.size() == count + 1);
  check(out);

  const auto height = input.in_range<std::size_t>(0, 40), width = input.in_range<std::size_t>(0, 40);
  std::vector<std::uint8_t> mask(height * width), filled(height * width);
  for (std::size_t i = 0; i < mask.size(); i += 8) {
    const auto bits = input.take<std::uint8_t>();
    for (std::size_t j = i; j < std::min(i + 8, mask.size()); ++j) mask[j] = bits >> (j - i) & 1;
  }
  const float none = 0, some = input.fraction() / 4;
  binary_masks_to_polygons({mask, height, width}, {&none, 1}, out, workspace);
  check(out);
  polygons_to_mask(out.points, out.ring_splits, height, width, filled);
  FUZZ_CHECK(filled == mask);
  const std::vector<std::int64_t> parts = out.part_splits;
  binary_masks_to_polygons({mask, height, width}, {&some, 1}, out, workspace);
  check(out);
  FUZZ_CHECK(out.part_splits == parts);
  return 0;
}
