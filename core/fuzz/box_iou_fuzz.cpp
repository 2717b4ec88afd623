#include <cstring>
#include <vector>

#include "framecast/box_iou.h"
#include "fuzz_input.h"

// Any boxes: every value is in [0, 1] up to its last bit, a box and itself have 1 where it has an area, and the order
// of the two does not matter.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  FuzzInput input(data, size);
  auto boxes = [&] {
    std::vector<framecast::Box> all(input.in_range<std::size_t>(0, 70));
    for (auto& box : all) box = {input.number(), input.number(), input.number(), input.number()};
    return all;
  };
  const auto a = boxes(), b = boxes();
  framecast::BoxIouWorkspace workspace;
  std::vector<float> out(a.size() * b.size(), -1), turned(out.size(), -1);
  framecast::box_iou(a, b, out, workspace);
  framecast::box_iou(b, a, turned, workspace);
  for (std::size_t i = 0; i < a.size(); ++i) {
    for (std::size_t j = 0; j < b.size(); ++j) {
      FUZZ_CHECK(out[i * b.size() + j] >= 0 && out[i * b.size() + j] <= 1.000001f);
      FUZZ_CHECK(std::memcmp(&out[i * b.size() + j], &turned[j * a.size() + i], sizeof(float)) == 0);
    }
  }
  return 0;
}
