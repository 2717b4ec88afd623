#include "framecast/decode_yolox.h"

#include <cmath>

#include "argument.h"
#include "class_filter.h"
#include "decode_images.h"
#include "score_rows.h"
#include "values.h"

namespace framecast {
namespace {

constexpr std::size_t kBoxChannels = 5;

void check(const YoloxHead& head, const ClassSelection& selection) {
  require(head.classes > 0 && head.output.size == head.batch * head.positions * (kBoxChannels + head.classes),
          "output: must be [batch, positions, 5 + classes]");
  require_quantization(head.output, "output: must have a positive scale and a zero point of its type");
  require(!head.strides.empty(), "strides: must not be empty");
  std::size_t expected = 0;
  for (std::int32_t stride : head.strides) {
    require(stride > 0, "strides: must be positive");
    const auto step = static_cast<std::size_t>(stride);
    require(head.height % step == 0 && head.width % step == 0, "input_size: must be a multiple of every stride");
    expected += (head.height / step) * (head.width / step);
  }
  require(expected == head.positions, "output: its positions do not fit the strides and the input size");
  require_selection(selection.score_thresholds, selection.class_filter, head.batch, head.classes);
}

/// The box of a row of a level whose cells are `stride` pixels wide.
template <typename T>
Box decode(const Values<T>& row, std::size_t x, std::size_t y, float stride) {
  const float center_x = (row[0] + static_cast<float>(x)) * stride;
  const float center_y = (row[1] + static_cast<float>(y)) * stride;
  const float half_width = std::exp(row[2]) * stride / 2;
  const float half_height = std::exp(row[3]) * stride / 2;
  return {center_x - half_width, center_y - half_height, center_x + half_width, center_y + half_height};
}

}  // namespace

void decode_yolox(const YoloxHead& head, const ClassSelection& selection, Candidates& out, DecodeWorkspace& workspace,
                  ThreadPool* pool) {
  check(head, selection);
  const ScoreRowLayout layout{kBoxChannels + head.classes, head.classes, true};
  decode_images(head.batch, out, workspace, pool, [&](std::size_t b, DecodeScratch& scratch, Candidates& part) {
    choose_classes(selection.class_filter, b, head.classes, scratch);
    std::size_t first = 0;
    for (std::int32_t stride : head.strides) {
      const std::size_t rows = head.height / static_cast<std::size_t>(stride);
      const std::size_t columns = head.width / static_cast<std::size_t>(stride);
      with_values(head.output, [&]<typename T>(const Values<T>& output) {
        decode_score_rows(output.from(b * head.positions * layout.length), first, first + rows * columns, layout,
                          selection.score_thresholds[b], selection.multi_label, scratch, part,
                          [&](std::size_t position, const Values<T>& row) {
                            const std::size_t cell = position - first;
                            return decode(row, cell % columns, cell / columns, static_cast<float>(stride));
                          });
      });
      first += rows * columns;
    }
  });
}

}  // namespace framecast
