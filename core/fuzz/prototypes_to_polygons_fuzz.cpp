#include <algorithm>
#include <vector>

#include "framecast/polygons_to_mask.h"
#include "framecast/prototypes_to_polygons.h"
#include "fuzz_input.h"
#include "fuzz_polygons.h"

using namespace framecast;

namespace {

struct Given {
  explicit Given(FuzzInput& input)
      : count(input.in_range<std::size_t>(0, 3)),
        height(input.in_range<std::size_t>(1, 12)),
        width(input.in_range<std::size_t>(1, 12)),
        input_height(input.in_range(1, 80)),
        input_width(input.in_range(1, 80)) {
    const auto images = input.in_range<std::size_t>(1, 2);
    for (std::size_t b = 0; b < images; ++b) {
      const auto x = input.in_range(0, input_width - 1), y = input.in_range(0, input_height - 1);
      regions.insert(regions.end(), {x, y, input.in_range(1, input_width - x), input.in_range(1, input_height - y)});
      image_sizes.insert(image_sizes.end(), {input.in_range(1, 64), input.in_range(1, 64)});
      const auto instances = input.in_range<std::size_t>(0, 2);
      for (std::size_t k = 0; k < instances; ++k) {
        boxes.push_back({input.number(), input.number(), input.number(), input.number()});
        rdp.push_back(input.fraction() / 8);
      }
      splits.push_back(static_cast<std::int64_t>(boxes.size()));
    }
    settings = {input.fraction(), input.flag(), input.flag()};
    if (!settings.crop_prototypes) settings.threshold = 2 * settings.threshold - 1;
    const bool tame = input.flag();
    prototypes.resize(images * count * height * width);
    for (float& value : prototypes) value = tame ? input.fraction() - 0.5f : input.number();
    coefficients.resize(boxes.size() * count);
    for (float& value : coefficients) value = tame ? input.take<std::int8_t>() / 16.0f : input.number();
  }
  PrototypeMasks masks() const {
    return {prototypes, count,       height,  width,        coefficients, boxes,
            splits,     image_sizes, regions, input_height, input_width};
  }

  std::size_t count, height, width;
  std::int32_t input_height, input_width;
  std::vector<float> prototypes, coefficients, rdp;
  std::vector<Box> boxes;
  std::vector<std::int64_t> splits{0};
  std::vector<std::int32_t> image_sizes, regions;
  PrototypeSettings settings{};
};

/// Without simplification the polygons are those of the mask that they fill, which keeps to its box.
void check_exact(const Given& given, std::size_t image, std::size_t instance, const Polygons& polygons,
                 MaskWorkspace& workspace) {
  const auto height = static_cast<std::size_t>(given.image_sizes[2 * image]);
  const auto width = static_cast<std::size_t>(given.image_sizes[2 * image + 1]);
  const FuzzRings rings(polygons, instance);
  std::vector<std::uint8_t> mask(height * width);
  polygons_to_mask(rings.points, rings.splits, height, width, mask);
  const Box& box = given.boxes[instance];
  for (std::size_t i = 0; i < mask.size() && !given.settings.crop_prototypes; ++i) {
    const auto x = static_cast<float>(i % width), y = static_cast<float>(i / width);
    FUZZ_CHECK(!mask[i] || (x >= box.x1 && x < box.x2 && y >= box.y1 && y < box.y2));
  }
  const float none = 0;
  Polygons again;
  binary_masks_to_polygons({mask, height, width}, {&none, 1}, again, workspace);
  FUZZ_CHECK(std::equal(again.points.begin(), again.points.end(), rings.points.begin(), rings.points.end()));
  FUZZ_CHECK(again.ring_splits == rings.splits);
  FUZZ_CHECK(again.areas[0] == polygons.areas[instance] && again.boxes[0] == polygons.boxes[instance]);
}

}  // namespace

// Any prototypes, boxes and settings give valid polygons: exact ones without simplification, with it as many parts.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static ThreadPool pool(2);
  FuzzInput input(data, size);
  const Given given(input);
  MaskWorkspace workspace;
  Polygons out, pooled;
  const std::vector<float> none(given.boxes.size(), 0.0f);
  prototypes_to_polygons(given.masks(), given.settings, none, out, workspace);
  check_polygons(out, given.boxes.size());
  for (std::size_t b = 0; b + 1 < given.splits.size(); ++b) {
    for (auto k = given.splits[b]; k < given.splits[b + 1]; ++k) {
      check_exact(given, b, static_cast<std::size_t>(k), out, workspace);
    }
  }
  const std::vector<std::int64_t> parts = out.part_splits, areas = out.areas;
  prototypes_to_polygons(given.masks(), given.settings, given.rdp, out, workspace);
  check_polygons(out, given.boxes.size());
  FUZZ_CHECK(out.part_splits == parts && out.areas == areas);
  prototypes_to_polygons(given.masks(), given.settings, given.rdp, pooled, workspace, &pool);
  FUZZ_CHECK(pooled.points == out.points && pooled.ring_splits == out.ring_splits && pooled.boxes == out.boxes);
  return 0;
}
