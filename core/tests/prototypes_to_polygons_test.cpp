#include "framecast/prototypes_to_polygons.h"

#include <cmath>
#include <limits>

#include "allocations.h"
#include "check.h"
#include "framecast/polygons_to_mask.h"
#include "kernels/combine_prototypes.h"
#include "random.h"

using namespace framecast;

namespace {

/// Two images of 64 x 48 in an input of 64 x 64, prototypes of 16 x 16; smooth, so that masks have few parts.
struct Case {
  explicit Case(std::uint64_t seed) {
    Random random(seed);
    for (std::size_t p = 0; p < 2 * 5; ++p) {
      const float a = random.uniform(-0.6f, 0.6f), b = random.uniform(-0.6f, 0.6f), c = random.uniform(0, 6);
      for (int y = 0; y < 16; ++y) {
        for (int x = 0; x < 16; ++x)
          prototypes.push_back(std::sin(a * static_cast<float>(x) + b * static_cast<float>(y) + c));
      }
    }
    for (std::size_t k = 0; k < 30; ++k) {
      for (int p = 0; p < 5; ++p) coefficients.push_back(random.uniform(-1, 1));
      const float x = random.uniform(-10, 60), y = random.uniform(-10, 40);
      boxes.push_back({x, y, x + random.uniform(-3, 50), y + random.uniform(-3, 50)});
    }
  }
  PrototypeMasks masks() const {
    return {prototypes, 5, 16, 16, coefficients, boxes, splits, image_sizes, regions, 64, 64};
  }

  std::vector<float> prototypes, coefficients;
  std::vector<Box> boxes;
  std::vector<std::int64_t> splits{0, 11, 30};
  std::vector<std::int32_t> image_sizes{48, 64, 48, 64};
  std::vector<std::int32_t> regions{0, 8, 64, 48, 0, 8, 64, 48};
  std::vector<float> rdp = std::vector<float>(30, 0.0f);
};

/// The definition, for a region of whole prototype pixels (rows 2 to 14) at a quarter of the image's size.
bool is_mask(const Case& c, const PrototypeSettings& settings, std::size_t k, std::size_t x, std::size_t y) {
  const Box& box = c.boxes[k];
  const auto fx = static_cast<float>(x), fy = static_cast<float>(y);
  if (!settings.crop_prototypes && !(fx >= box.x1 && fx < box.x2 && fy >= box.y1 && fy < box.y2)) return false;
  auto value = [&](std::size_t px, std::size_t py) {
    if (settings.crop_prototypes && !(static_cast<float>(px) >= box.x1 / 4 && static_cast<float>(px) < box.x2 / 4 &&
                                      static_cast<float>(py) >= box.y1 / 4 && static_cast<float>(py) < box.y2 / 4)) {
      return 0.0f;
    }
    float sum = 0;
    for (std::size_t p = 0; p < 5; ++p) {
      sum += c.coefficients[k * 5 + p] * c.prototypes[((k < 11 ? 0 : 5) + p) * 256 + (py + 2) * 16 + px];
    }
    return settings.sigmoid ? 1 / (1 + std::exp(-sum)) : sum;
  };
  auto place = [](std::size_t at, std::size_t size, std::size_t& first, std::size_t& second, float& weight) {
    const float position = std::max(0.0f, 0.25f * (static_cast<float>(at) + 0.5f) - 0.5f);
    first = static_cast<std::size_t>(position);
    second = std::min(first + 1, size - 1);
    weight = position - static_cast<float>(first);
  };
  std::size_t x0, x1, y0, y1;
  float wx, wy;
  place(x, 16, x0, x1, wx);
  place(y, 12, y0, y1, wy);
  const float left = (1 - wy) * value(x0, y0) + wy * value(x0, y1);
  const float right = (1 - wy) * value(x1, y0) + wy * value(x1, y1);
  return (1 - wx) * left + wx * right > settings.threshold;
}

}  // namespace

TEST(masks_are_those_of_the_definition) {
  MaskWorkspace workspace;
  ThreadPool pool(2);
  Polygons out, pooled;
  for (std::uint64_t seed = 0; seed < 6; ++seed) {
    const Case c(seed);
    for (const PrototypeSettings& settings :
         {PrototypeSettings{0.5f, true, false}, {0, false, false}, {0.5f, true, true}, {0.1f, false, true}}) {
      prototypes_to_polygons(c.masks(), settings, c.rdp, out, workspace);
      prototypes_to_polygons(c.masks(), settings, c.rdp, pooled, workspace, &pool);
      CHECK(out.points == pooled.points && out.instance_splits == pooled.instance_splits);
      for (std::size_t k = 0; k < c.boxes.size(); ++k) {
        const auto first = static_cast<std::size_t>(out.part_splits[static_cast<std::size_t>(out.instance_splits[k])]);
        const auto last =
            static_cast<std::size_t>(out.part_splits[static_cast<std::size_t>(out.instance_splits[k + 1])]);
        std::vector<std::int64_t> splits(out.ring_splits.begin() + static_cast<std::ptrdiff_t>(first),
                                         out.ring_splits.begin() + static_cast<std::ptrdiff_t>(last) + 1);
        const std::int64_t begin = splits[0];
        for (std::int64_t& split : splits) split -= begin;
        std::vector<std::uint8_t> mask(48 * 64);
        polygons_to_mask({out.points.data() + begin, static_cast<std::size_t>(splits.back())}, splits, 48, 64, mask);
        for (std::size_t i = 0; i < mask.size(); ++i) CHECK(mask[i] == is_mask(c, settings, k, i % 64, i / 64));
      }
    }
  }
}

TEST(kernels_give_the_same_sums_and_touch_no_more) {
  Random random(2);
  for (std::size_t width = 0; width <= 50; ++width) {
    for (std::size_t count : {0, 1, 5, 32}) {
      const std::size_t plane = width + 3;
      std::vector<float> values(count * plane), coefficients(count);
      for (float& value : values) value = random.uniform(-2, 2);
      for (float& value : coefficients) value = random.uniform(-2, 2);
      values.resize(count == 0 ? 0 : (count - 1) * plane + width);  // So that a sanitizer sees a read past the end.
      values.shrink_to_fit();
      auto sums = [&](kernels::CombinePrototypes combine) {
        std::vector<float> out(width + 1, 77);
        combine({values.data(), plane, coefficients.data(), count, width, out.data()});
        CHECK(out.back() == 77);
        return out;
      };
      const auto expected = sums(kernels::combine_prototypes_scalar);
      for (Isa isa : {Isa::neon, Isa::avx2, Isa::avx512}) {
        if (is_supported(isa)) CHECK(sums(kernels::combine_prototypes_kernel(isa)) == expected);
      }
    }
  }
}

TEST(odd_boxes_and_values_have_no_parts) {
  Case c(3);
  const float nan = std::numeric_limits<float>::quiet_NaN(), inf = std::numeric_limits<float>::infinity();
  c.boxes[0] = {nan, 0, 10, 10};
  c.boxes[1] = {0, 0, 10, nan};
  c.boxes[2] = {20, 0, 10, 10};
  c.boxes[3] = {-inf, -inf, inf, inf};
  c.boxes[4] = {64, 0, 90, 10};
  c.coefficients[5 * 5] = nan;
  MaskWorkspace workspace;
  Polygons out;
  for (bool crop : {false, true}) {
    prototypes_to_polygons(c.masks(), {0, false, crop}, c.rdp, out, workspace);
    for (std::size_t k : {0, 1, 2, 4, 5}) CHECK(out.areas[k] == 0);
    CHECK(out.areas[3] > 0);
  }
}

TEST(no_prototypes_are_zero_everywhere) {
  const Box box{4, 5, 10, 9};
  const std::vector<std::int64_t> splits{0, 1};
  const std::vector<std::int32_t> image_sizes{48, 64}, regions{0, 8, 64, 48};
  const PrototypeMasks masks{{}, 0, 16, 16, {}, {&box, 1}, splits, image_sizes, regions, 64, 64};
  const float none = 0;
  MaskWorkspace workspace;
  Polygons out;
  for (const PrototypeSettings& settings : {PrototypeSettings{-0.1f, false, false}, {0.4f, true, false}}) {
    prototypes_to_polygons(masks, settings, {&none, 1}, out, workspace);
    CHECK(out.areas[0] == 6 * 4 && out.boxes[0] == box);
  }
  prototypes_to_polygons(masks, {0, false, false}, {&none, 1}, out, workspace);
  CHECK(out.areas[0] == 0);
}

TEST(the_steady_state_allocates_nothing) {
  const Case c(5);
  MaskWorkspace workspace;
  Polygons out;
  auto call = [&] { prototypes_to_polygons(c.masks(), {0.5f, true, false}, c.rdp, out, workspace); };
  call();
  CHECK(allocations_of(call) == 0);
}

TEST(refuses_what_does_not_fit) {
  const Case c(1);
  MaskWorkspace workspace;
  Polygons out;
  auto refuses = [&](const char* argument, auto change, const PrototypeSettings& settings) {
    Case changed = c;
    PrototypeMasks masks = changed.masks();
    change(changed, masks);
    try {
      prototypes_to_polygons(masks, settings, changed.rdp, out, workspace);
      CHECK(!"refused");
    } catch (const std::invalid_argument& error) {
      CHECK(std::string(error.what()).rfind(argument, 0) == 0);
    }
  };
  const PrototypeSettings settings{0.5f, true, false};
  refuses("prototypes: ", [](Case&, PrototypeMasks& m) { m.height = 15; }, settings);
  refuses("coefficients: ", [](Case&, PrototypeMasks& m) { m.coefficients = m.coefficients.first(149); }, settings);
  refuses("splits: ", [](Case& changed, PrototypeMasks&) { changed.splits[1] = 31; }, settings);
  refuses("image_sizes: ", [](Case& changed, PrototypeMasks&) { changed.image_sizes[0] = 0; }, settings);
  refuses("regions: ", [](Case& changed, PrototypeMasks&) { changed.regions[1] = 17; }, settings);
  refuses("input_size: ", [](Case&, PrototypeMasks& m) { m.input_width = 0; }, settings);
  refuses("rdp_thresholds: ", [](Case& changed, PrototypeMasks&) { changed.rdp[0] = -1; }, settings);
  refuses("threshold: ", [](Case&, PrototypeMasks&) {}, {std::nanf(""), true, false});
  refuses("threshold: ", [](Case&, PrototypeMasks&) {}, {-1, false, true});
}
