#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "framecast/box.h"
#include "framecast/candidates.h"
#include "framecast/image_size.h"
#include "fuzz_input.h"

/// Thresholds and allowed classes of a batch, as a caller may ask for them.
struct FuzzClasses {
  FuzzClasses(FuzzInput& input, std::size_t batch, std::size_t count) : classes(count) {
    for (std::size_t b = 0; b < batch; ++b) {
      const float any = input.number();
      thresholds.push_back(input.flag() || std::isnan(any) ? input.fraction() : any);
    }
    if (!input.flag()) return;
    for (std::size_t i = 0; i < batch * count; ++i) filter.push_back(input.flag());
  }

  bool passes(std::size_t image, std::size_t class_index, float score) const {
    return score > thresholds[image] && (filter.empty() || filter[image * classes + class_index] != 0);
  }

  std::size_t classes;
  std::vector<float> thresholds;
  std::vector<std::uint8_t> filter;
};

inline std::vector<framecast::ImageSize> fuzz_image_sizes(FuzzInput& input, std::size_t batch) {
  std::vector<framecast::ImageSize> sizes(batch);
  for (auto& size : sizes) size = {1 + 500 * input.fraction(), 1 + 500 * input.fraction()};
  return sizes;
}

inline std::vector<framecast::Box> fuzz_boxes(FuzzInput& input, std::size_t count) {
  std::vector<framecast::Box> some(1 + input.in_range<std::size_t>(0, 7)), boxes(count);
  for (auto& box : some) box = {input.number(), input.number(), input.number(), input.number()};
  for (std::size_t i = 0; i < count; ++i) boxes[i] = some[i % some.size()];
  return boxes;
}

inline void add(framecast::Candidates& out, const framecast::Box& box, float score, std::size_t class_index) {
  out.boxes.push_back(box);
  out.scores.push_back(score);
  out.classes.push_back(static_cast<std::int32_t>(class_index));
}

inline void add(framecast::Candidates& out, const framecast::Box& box, float score, std::size_t class_index,
                std::int64_t source) {
  add(out, box, score, class_index);
  out.sources.push_back(source);
}

/// The softmax of a row by its definition; NaN throughout for a row with NaN or +inf.
template <typename Numbers>
std::vector<float> softmax(const Numbers& logits, std::size_t first, std::size_t columns) {
  float largest = logits[first], sum = 0;
  for (std::size_t i = 1; i < columns; ++i) largest = std::max(largest, logits[first + i]);
  std::vector<float> scores(columns);
  for (std::size_t i = 0; i < columns; ++i) sum += scores[i] = std::exp(logits[first + i] - largest);
  for (float& score : scores) score /= sum;
  return scores;
}

/// Aborts unless both are the same to the bit.
inline void check_same(const framecast::Candidates& found, const framecast::Candidates& expected) {
  auto same = [](const auto& a, const auto& b) {
    return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(a[0])) == 0);
  };
  FUZZ_CHECK(found.splits == expected.splits);
  FUZZ_CHECK(found.classes == expected.classes);
  FUZZ_CHECK(found.sources == expected.sources);
  FUZZ_CHECK(same(found.scores, expected.scores));
  FUZZ_CHECK(same(found.boxes, expected.boxes));
}
