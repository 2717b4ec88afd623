#include <string_view>
#include <vector>

#include "framecast/rle.h"
#include "fuzz_input.h"

// Any bytes as a string: refused, or counts whose mask, written again, is the same mask.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  FuzzInput input(data, size);
  const std::vector<std::int32_t> image_sizes{input.in_range<std::int32_t>(0, 255),
                                              input.in_range<std::int32_t>(0, 255)};
  const auto height = static_cast<std::size_t>(image_sizes[0]), width = static_cast<std::size_t>(image_sizes[1]);
  const bool fits = input.flag();
  std::vector<char> text;
  while (input.remaining() > 0) text.push_back(static_cast<char>(input.take<std::uint8_t>()));
  if (fits) {  // Raw bytes seldom add up: read as lengths, and the last is what is missing.
    std::vector<std::uint32_t> counts;
    std::uint32_t left = static_cast<std::uint32_t>(height * width);
    for (char character : text) {
      counts.push_back(std::min<std::uint32_t>(left, static_cast<unsigned char>(character)));
      left -= counts.back();
    }
    counts.push_back(left);
    const std::vector<std::int64_t> splits{0, static_cast<std::int64_t>(counts.size())};
    std::vector<std::int64_t> text_splits;
    framecast::compress_rle(counts, splits, text, text_splits);
    FUZZ_CHECK(text_splits.back() == static_cast<std::int64_t>(text.size()));
  }
  const std::string_view string(text.data(), text.size());
  framecast::Rle rle;
  try {
    framecast::decompress_rle({&string, 1}, image_sizes, rle);
  } catch (const std::invalid_argument&) {
    FUZZ_CHECK(!fits);
    return 0;
  }
  FUZZ_CHECK(rle.counts.size() <= text.size());
  const framecast::RleView view{rle.counts, rle.splits, image_sizes};
  framecast::RleWorkspace workspace;
  std::vector<std::uint8_t> mask(height * width), again(height * width);
  framecast::rle_to_masks(view, mask, workspace);
  std::int64_t area = 0;
  framecast::Box box{};
  framecast::measure_rle(view, {&area, 1}, {&box, 1});
  FUZZ_CHECK(area == std::count(mask.begin(), mask.end(), 1));
  framecast::Rle written;
  framecast::masks_to_rle({mask, height, width}, 1, written, workspace);
  framecast::rle_to_masks({written.counts, written.splits, image_sizes}, again, workspace);
  FUZZ_CHECK(mask == again);
  FUZZ_CHECK(written.counts.size() <= std::max<std::size_t>(rle.counts.size(), 1));
  return 0;
}
