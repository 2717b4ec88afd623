#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <numpy/ndarraytypes.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <type_traits>

/// NumPy's arrays read and made through its own structs: what any framework's arrays take, DLPack, costs a tenth of a
/// microsecond per array, which small calls would notice.
namespace framecast::bindings {

namespace nb = nanobind;

/// The array's head where it is a numpy.ndarray itself, of native byte order, aligned and C-contiguous; else null.
PyArrayObject_fields* plain_array(PyObject* object) noexcept;

/// NumPy's number of a type. Of types of the same size, as long and long long may be, the fixed widths name one.
template <typename T>
constexpr int kNumpyType = std::is_same_v<T, bool>            ? NPY_BOOL
                           : std::is_same_v<T, float>         ? NPY_FLOAT32
                           : std::is_same_v<T, double>        ? NPY_FLOAT64
                           : std::is_same_v<T, std::uint8_t>  ? NPY_UINT8
                           : std::is_same_v<T, std::int32_t>  ? NPY_INT32
                           : std::is_same_v<T, std::uint32_t> ? NPY_UINT32
                           : std::is_same_v<T, std::int64_t>  ? NPY_INT64
                                                              : NPY_NOTYPE;

/// A C-contiguous array that is only read: of NumPy, or of any framework that nanobind knows.
template <typename T, int Dimensions>
class Input {
 public:
  using Scalar = const T;
  using AnyFramework = nb::ndarray<const T, nb::ndim<Dimensions>, nb::c_contig, nb::device::cpu>;

  const T* data() const { return data_; }
  std::size_t size() const { return size_; }
  std::size_t shape(std::size_t axis) const { return shape_[axis]; }
  static constexpr std::size_t ndim() { return Dimensions; }

  bool read(nb::handle source) noexcept {
    static_assert(kNumpyType<T> != NPY_NOTYPE);
    const PyArrayObject_fields* const head = plain_array(source.ptr());
    if (head != nullptr && head->nd == Dimensions && head->descr->type_num == kNumpyType<T>) {
      set(reinterpret_cast<const T*>(head->data), [head](std::size_t axis) { return head->dimensions[axis]; });
      array_ = nb::borrow(source);
      return true;
    }
    if (!nb::try_cast(source, other_, false)) return false;
    set(other_.data(), [this](std::size_t axis) { return other_.shape(axis); });
    return true;
  }

 private:
  template <typename ShapeOf>
  void set(const T* data, ShapeOf shape_of) {
    data_ = data;
    size_ = 1;
    for (std::size_t axis = 0; axis < Dimensions; ++axis) {
      size_ *= shape_[axis] = static_cast<std::size_t>(shape_of(axis));
    }
  }

  const T* data_ = nullptr;
  std::array<std::size_t, Dimensions> shape_{};
  std::size_t size_ = 0;
  nb::object array_;
  AnyFramework other_;
};

/// A writable array of C order over memory that `owner` keeps alive.
nb::object array_over(void* data, int type, std::initializer_list<std::size_t> shape, const nb::capsule& owner);

template <typename T>
nb::object array_over(T* data, std::initializer_list<std::size_t> shape, const nb::capsule& owner) {
  return array_over(static_cast<void*>(data), kNumpyType<T>, shape, owner);
}

}  // namespace framecast::bindings

namespace nanobind::detail {

template <typename T, int Dimensions>
struct type_caster<framecast::bindings::Input<T, Dimensions>> {
  using Given = framecast::bindings::Input<T, Dimensions>;
  NB_TYPE_CASTER(Given, make_caster<typename Given::AnyFramework>::Name)

  bool from_python(handle source, std::uint32_t, cleanup_list*) noexcept { return value.read(source); }
};

}  // namespace nanobind::detail
