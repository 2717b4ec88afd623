#include "framecast/decode_detections.h"
#include "fuzz_classes.h"
#include "fuzz_tensor.h"

using namespace framecast;

// Any bits of any type in either layout: what passes is above its threshold, allowed, finite and in order.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  FuzzInput input(data, size);
  const auto batch = input.in_range<std::size_t>(0, 3), positions = input.in_range<std::size_t>(0, 150);
  const auto classes = input.in_range<std::size_t>(1, 80), others = input.in_range<std::size_t>(0, 3);
  const bool objectness = input.flag(), channels_first = input.flag(), multi_label = input.flag();
  const std::size_t channels = (objectness ? 5 : 4) + classes + others;
  const FuzzClasses asked(input, batch, classes);
  const FuzzTensor output(input, batch * positions * channels);
  Candidates out;
  DecodeWorkspace workspace;
  decode_detections({output, batch, positions, channels, classes, objectness, channels_first},
                    {asked.thresholds, asked.filter, multi_label}, out, workspace);
  FUZZ_CHECK(out.splits.size() == batch + 1 && out.splits[0] == 0);
  FUZZ_CHECK(out.splits[batch] == static_cast<std::int64_t>(out.boxes.size()));
  FUZZ_CHECK(out.scores.size() == out.boxes.size() && out.sources.size() == out.boxes.size());
  for (std::size_t b = 0; b < batch; ++b) {
    for (auto k = static_cast<std::size_t>(out.splits[b]); k < static_cast<std::size_t>(out.splits[b + 1]); ++k) {
      const auto position = static_cast<std::size_t>(out.sources[k]), c = static_cast<std::size_t>(out.classes[k]);
      FUZZ_CHECK(position < positions && c < classes && asked.passes(b, c, out.scores[k]));
      auto number = [&](std::size_t channel) {
        return output[channels_first ? (b * channels + channel) * positions + position
                                     : (b * positions + position) * channels + channel];
      };
      const float object = objectness ? number(4) : 1;
      FUZZ_CHECK(out.scores[k] == object * number((objectness ? 5 : 4) + c));
      const Box& box = out.boxes[k];
      FUZZ_CHECK(std::isfinite(box.x1) && std::isfinite(box.y1) && std::isfinite(box.x2) && std::isfinite(box.y2));
      if (k == static_cast<std::size_t>(out.splits[b])) continue;
      const bool next = out.sources[k - 1] < out.sources[k];
      FUZZ_CHECK(next || (multi_label && out.sources[k - 1] == out.sources[k] && out.classes[k - 1] < out.classes[k]));
    }
  }
  return 0;
}
