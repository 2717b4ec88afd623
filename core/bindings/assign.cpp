#include "framecast/assign.h"

#include "arrays.h"
#include "recycled.h"

namespace framecast::bindings {
namespace {

struct Assigned {
  std::vector<std::int64_t> column_of_row;
  std::vector<std::int64_t> row_of_column;
};

nb::tuple assign_numpy(Input<float, 2> costs, float max_cost) {
  auto result = Recycled<Assigned>::take();
  {
    nb::gil_scoped_release release;
    thread_local AssignWorkspace workspace;
    result->column_of_row.resize(costs.shape(0));
    result->row_of_column.resize(costs.shape(1));
    assign(span(costs), costs.shape(0), costs.shape(1), max_cost, result->column_of_row, result->row_of_column,
           workspace);
  }
  Assigned& assigned = *result;
  const nb::capsule owner = Recycled<Assigned>::release(std::move(result));
  return nb::make_tuple(view(assigned.column_of_row, owner), view(assigned.row_of_column, owner));
}

}  // namespace

void bind_assign(nb::module_& module) {
  module.def("assign", assign_numpy, nb::arg("costs").noconvert(), nb::kw_only(), nb::arg("max_cost"),
             "Linear assignment of rows to columns at the lowest sum of costs; see the stub for shapes.");
}

}  // namespace framecast::bindings
