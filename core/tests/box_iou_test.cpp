#include "framecast/box_iou.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <stdexcept>

#include "allocations.h"
#include "check.h"
#include "kernels/box_iou.h"
#include "random.h"

using framecast::Box;
using framecast::Isa;

namespace {

std::vector<Isa> supported_isas() {
  std::vector<Isa> all;
  for (Isa isa : {Isa::scalar, Isa::neon, Isa::avx2, Isa::avx512}) {
    if (framecast::is_supported(isa)) all.push_back(isa);
  }
  return all;
}

/// The definition.
float plain_iou(const Box& a, const Box& b) {
  const float width = std::max(0.0f, std::min(a.x2, b.x2) - std::max(a.x1, b.x1));
  const float height = std::max(0.0f, std::min(a.y2, b.y2) - std::max(a.y1, b.y1));
  const float inter = width * height;
  const float area_a = (a.x2 - a.x1) * (a.y2 - a.y1);
  const float area_b = (b.x2 - b.x1) * (b.y2 - b.y1);
  const float iou = inter / (area_a + area_b - inter);
  return iou > 0 ? iou : 0;
}

/// Normal boxes, coarse ones that tie, touch, are inverted or empty, and odd numbers.
std::vector<Box> random_boxes(Random& random, std::size_t count, bool finite) {
  const float inf = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
  const float odd[] = {3e38f, -3e38f, 1e-40f, inf, -inf, nan};
  auto number = [&](float value) {
    return random.below(80) == 0 ? odd[random.below(finite ? 3 : std::size(odd))] : value;
  };
  std::vector<Box> boxes(count);
  for (Box& box : boxes) {
    if (random.below(2) == 0) {
      auto coarse = [&] { return static_cast<float>(random.below(6)); };
      box = {coarse(), coarse(), coarse(), coarse()};
    } else {
      const float x = random.uniform(0, 20), y = random.uniform(0, 20);
      box = {x, y, x + random.uniform(0, 20), y + random.uniform(0, 20)};
    }
    box = {number(box.x1), number(box.y1), number(box.x2), number(box.y2)};
  }
  return boxes;
}

/// Boxes as columns that begin `shift` floats into their memory, with NaN behind their end.
struct Columns {
  std::vector<float> values[5];
  framecast::kernels::BoxColumns columns;

  Columns(const std::vector<Box>& boxes, std::size_t shift) {
    for (auto& column : values) column.assign(shift + boxes.size() + 16, std::numeric_limits<float>::quiet_NaN());
    auto at = [&](std::size_t c) { return values[c].data() + shift; };
    columns = {at(0), at(1), at(2), at(3), at(4), boxes.size()};
    for (std::size_t i = 0; i < boxes.size(); ++i) {
      framecast::kernels::set_column(columns, i, boxes[i], framecast::kernels::area_of(boxes[i]));
    }
  }
};

}  // namespace

TEST(equals_the_definition) {
  Random random(1);
  framecast::BoxIouWorkspace workspace;
  for (int round = 0; round < 200; ++round) {
    const auto a = random_boxes(random, random.below(30), false), b = random_boxes(random, random.below(70), false);
    std::vector<float> out(a.size() * b.size(), -1);
    framecast::box_iou(a, b, out, workspace);
    for (std::size_t i = 0; i < out.size(); ++i) {
      const float expected = plain_iou(a[i / b.size()], b[i % b.size()]);
      CHECK(std::memcmp(&out[i], &expected, sizeof(float)) == 0);
    }
  }
}

TEST(kernels_agree_to_the_bit_and_write_no_further) {
  Random random(2);
  for (std::size_t count = 0; count <= 8 * 16 + 2; ++count) {
    for (int round = 0; round < 6; ++round) {
      const auto boxes = random_boxes(random, count, round < 3);
      const Columns given(boxes, random.below(4));
      const Box box = random_boxes(random, 1, round < 3)[0];
      const float area = framecast::kernels::area_of(box);
      std::vector<float> expected(count), row(count + 1);
      framecast::kernels::iou_row_scalar(given.columns, box, area, expected.data());
      for (Isa isa : supported_isas()) {
        const auto kernels = framecast::kernels::box_iou_kernels(isa);
        std::fill(row.begin(), row.end(), 77.0f);
        kernels.iou_row(given.columns, box, area, row.data());
        CHECK(row.back() == 77);
        CHECK(std::memcmp(row.data(), expected.data(), count * sizeof(float)) == 0);
      }
      if (round >= 3) continue;
      const float highest = count == 0 ? 0 : *std::max_element(expected.begin(), expected.end());
      const std::size_t begin = random.below(count + 1);
      for (float threshold : {0.0f, 0.45f, std::nextafter(highest, 0.0f)}) {
        std::vector<std::uint32_t> rows(count + 1), other_rows(count + 1, 9999);
        std::vector<float> ious(count + 1), other_ious(count + 1, 77);
        const std::size_t found =
            framecast::kernels::ious_above_scalar(given.columns, begin, box, area, threshold, rows.data(), ious.data());
        for (Isa isa : supported_isas()) {
          const std::size_t others = framecast::kernels::box_iou_kernels(isa).ious_above(
              given.columns, begin, box, area, threshold, other_rows.data(), other_ious.data());
          CHECK(others == found && other_rows.back() == 9999 && other_ious.back() == 77);
          CHECK(std::equal(rows.begin(), rows.begin() + static_cast<std::ptrdiff_t>(found), other_rows.begin()));
          CHECK(std::memcmp(ious.data(), other_ious.data(), found * sizeof(float)) == 0);
        }
        std::size_t passing = 0;
        for (std::size_t i = begin; i < count; ++i) {
          if (!(plain_iou(boxes[i], box) > threshold)) continue;
          CHECK(passing < found && rows[passing] == i && ious[passing] == plain_iou(boxes[i], box));
          ++passing;
        }
        CHECK(passing == found);
      }
    }
  }
}

TEST(a_pool_changes_nothing_and_a_reused_workspace_no_longer_allocates) {
  Random random(3);
  framecast::ThreadPool pool(3);
  framecast::BoxIouWorkspace workspace;
  const auto a = random_boxes(random, 700, false), b = random_boxes(random, 300, false);
  std::vector<float> alone(a.size() * b.size()), shared(alone.size());
  framecast::box_iou(a, b, alone, workspace);
  CHECK(allocations_of([&] { framecast::box_iou(a, b, alone, workspace); }) == 0);
  framecast::box_iou(a, b, shared, workspace, &pool);
  CHECK(std::memcmp(alone.data(), shared.data(), alone.size() * sizeof(float)) == 0);
}

TEST(refuses_another_size) {
  framecast::BoxIouWorkspace workspace;
  const std::vector<Box> boxes(3);
  std::vector<float> out(8);
  CHECK_REFUSES("out", framecast::box_iou(boxes, boxes, out, workspace));
}
