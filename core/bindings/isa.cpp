#include "isa.h"

#include "arrays.h"

namespace framecast::bindings {

void bind_isa(nb::module_& module) {
  // A wrong FRAMECAST_ISA is told at the import, not at the first call.
  active_isa();
  module.def("isa", [] { return name(active_isa()); }, "The instruction set in use; see the stub.");
}

}  // namespace framecast::bindings
