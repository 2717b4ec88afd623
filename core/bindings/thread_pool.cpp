#include "framecast/thread_pool.h"

#include "arrays.h"

namespace framecast::bindings {

void bind_thread_pool(nb::module_& module) {
  nb::class_<ThreadPool>(module, "ThreadPool", "Threads that share the images of a batch; see the stub.")
      .def(nb::init<std::size_t>(), nb::arg("threads"))
      .def_prop_ro("threads", &ThreadPool::threads);
}

}  // namespace framecast::bindings
