#include "framecast/box_iou.h"

#include <algorithm>

#include "argument.h"
#include "kernels/box_iou.h"

namespace framecast {

void box_iou(std::span<const Box> a, std::span<const Box> b, std::span<float> out, BoxIouWorkspace& workspace,
             ThreadPool* pool) {
  require(out.size() == a.size() * b.size(), "out: must have one entry per pair of boxes");
  const kernels::IouRow iou_row = kernels::box_iou_kernels(active_isa()).iou_row;
  for (auto& column : workspace.columns) column.resize(std::max(column.size(), b.size()));
  auto column = [&workspace](std::size_t c) { return workspace.columns[c].data(); };
  const kernels::BoxColumns columns{column(0), column(1), column(2), column(3), column(4), b.size()};
  for (std::size_t j = 0; j < b.size(); ++j) kernels::set_column(columns, j, b[j], kernels::area_of(b[j]));
  // Enough work for a thread to be worth waking.
  const std::size_t rows = 1 + 32768 / (b.size() + 1);
  run(pool, (a.size() + rows - 1) / rows, [&](std::size_t task, std::size_t) {
    const std::size_t end = std::min(a.size(), (task + 1) * rows);
    for (std::size_t i = task * rows; i < end; ++i) {
      iou_row(columns, a[i], kernels::area_of(a[i]), out.data() + i * b.size());
    }
  });
}

}  // namespace framecast
