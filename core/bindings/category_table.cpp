#include "framecast/category_table.h"

#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <string>
#include <string_view>

#include "arrays.h"

namespace framecast::bindings {
namespace {

void make_table(CategoryTable* memory, const Input<std::int32_t, 1>& ids, const std::vector<std::string>& names) {
  const std::vector<std::string_view> views(names.begin(), names.end());
  new (memory) CategoryTable(span(ids), views);
}

}  // namespace

void bind_category_table(nb::module_& module) {
  nb::class_<CategoryTable>(module, "CategoryTable", "Ids and names of a model's classes; see the stub.")
      .def("__init__", make_table, nb::arg("ids").noconvert(), nb::arg("names"))
      .def("__len__", &CategoryTable::size);
}

}  // namespace framecast::bindings
