#include <vector>

#include "framecast/map_boxes.h"
#include "fuzz_input.h"

// Any boxes: what comes out is a rising choice of the entries, with area, inside the image where it was clipped.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  FuzzInput input(data, size);
  const bool clip = input.flag();
  const auto images = input.in_range<std::size_t>(0, 3);
  std::vector<framecast::Box> boxes(input.in_range<std::size_t>(0, 60));
  for (auto& box : boxes) box = {input.number(), input.number(), input.number(), input.number()};
  std::vector<std::int64_t> rows, splits{0};
  std::vector<framecast::Placement> placements;
  std::vector<std::int32_t> sizes;
  for (std::size_t b = 0; b < images; ++b) {
    const auto count = boxes.empty() ? 0 : input.in_range<std::size_t>(0, 60);
    for (std::size_t i = 0; i < count; ++i) rows.push_back(input.in_range<std::int64_t>(0, std::ssize(boxes) - 1));
    splits.push_back(std::ssize(rows));
    const float scale = 1e-6f + input.fraction() * 5;
    placements.push_back({static_cast<float>(input.take<std::int8_t>()), input.fraction(), scale, 1 / scale});
    sizes.push_back(input.take<std::uint16_t>());
    sizes.push_back(input.take<std::int32_t>() & 0x7fffffff);
  }
  framecast::SourceBoxes out;
  framecast::map_boxes({boxes, rows, splits, placements, sizes}, clip, out);
  FUZZ_CHECK(out.splits.size() == images + 1 && out.splits[0] == 0);
  FUZZ_CHECK(out.rows.size() == out.boxes.size() && out.splits.back() == std::ssize(out.rows));
  for (std::size_t b = 0; b < images; ++b) {
    auto entry = static_cast<std::size_t>(splits[b]);
    for (auto i = static_cast<std::size_t>(out.splits[b]); i < static_cast<std::size_t>(out.splits[b + 1]); ++i) {
      const framecast::Box& box = out.boxes[i];
      FUZZ_CHECK(box.x2 > box.x1 && box.y2 > box.y1);
      if (clip) {
        FUZZ_CHECK(box.x1 >= 0 && box.y1 >= 0);
        FUZZ_CHECK(box.y2 <= static_cast<float>(sizes[2 * b]) && box.x2 <= static_cast<float>(sizes[2 * b + 1]));
      }
      while (entry < static_cast<std::size_t>(splits[b + 1]) && rows[entry] != out.rows[i]) ++entry;
      FUZZ_CHECK(entry++ < static_cast<std::size_t>(splits[b + 1]));
    }
  }
  return 0;
}
