#include <vector>

#include "framecast/masks_to_polygons.h"
#include "framecast/polygons_to_mask.h"
#include "fuzz_input.h"
#include "fuzz_polygons.h"

using namespace framecast;

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
  check_polygons(out, count);

  const auto height = input.in_range<std::size_t>(0, 40), width = input.in_range<std::size_t>(0, 40);
  std::vector<std::uint8_t> mask(height * width), filled(height * width);
  for (std::size_t i = 0; i < mask.size(); i += 8) {
    const auto bits = input.take<std::uint8_t>();
    for (std::size_t j = i; j < std::min(i + 8, mask.size()); ++j) mask[j] = bits >> (j - i) & 1;
  }
  const float none = 0, some = input.fraction() / 4;
  binary_masks_to_polygons({mask, height, width}, {&none, 1}, out, workspace);
  check_polygons(out, 1);
  polygons_to_mask(out.points, out.ring_splits, height, width, filled);
  FUZZ_CHECK(filled == mask);
  const std::vector<std::int64_t> parts = out.part_splits;
  binary_masks_to_polygons({mask, height, width}, {&some, 1}, out, workspace);
  check_polygons(out, 1);
  FUZZ_CHECK(out.part_splits == parts);
  return 0;
}
