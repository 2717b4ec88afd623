#define NPY_NO_DEPRECATED_API NPY_1_7_API_VERSION
#include "numpy_array.h"

#include <numpy/arrayobject.h>

#include <algorithm>
#include <iterator>
#include <stdexcept>

namespace framecast::bindings {
namespace {

/// Once; NumPy's table of functions is this file's own.
void import_numpy() {
  static const bool imported = [] {
    if (_import_array() < 0) throw nb::python_error();
    return true;
  }();
  static_cast<void>(imported);
}

}  // namespace

PyArrayObject_fields* plain_array(PyObject* object) noexcept {
  static PyTypeObject* const type = [] {
    import_numpy();
    return &PyArray_Type;
  }();
  if (Py_TYPE(object) != type) return nullptr;
  auto* const head = reinterpret_cast<PyArrayObject_fields*>(object);
  constexpr int kNeeded = NPY_ARRAY_C_CONTIGUOUS | NPY_ARRAY_ALIGNED;
  return (head->flags & kNeeded) == kNeeded && PyArray_ISNBO(head->descr->byteorder) ? head : nullptr;
}

nb::object array_over(void* data, int type, std::initializer_list<std::size_t> shape, const nb::capsule& owner) {
  import_numpy();
  // Null would ask NumPy to allocate.
  static double nothing;
  npy_intp dimensions[4];
  if (shape.size() > std::size(dimensions)) throw std::logic_error("array_over: at most four dimensions");
  std::copy(shape.begin(), shape.end(), dimensions);
  nb::object array = nb::steal(PyArray_New(&PyArray_Type, static_cast<int>(shape.size()), dimensions, type, nullptr,
                                           data == nullptr ? &nothing : data, 0, NPY_ARRAY_CARRAY, nullptr));
  if (!array.is_valid()) throw nb::python_error();
  // Takes the reference even where it fails.
  if (PyArray_SetBaseObject(reinterpret_cast<PyArrayObject*>(array.ptr()), nb::object(owner).release().ptr()) < 0) {
    throw nb::python_error();
  }
  return array;
}

}  // namespace framecast::bindings
