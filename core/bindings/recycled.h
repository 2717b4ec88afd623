#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <vector>

#include "arrays.h"

namespace framecast::bindings {

/// Results that no array shows any more, kept with their memory for the next call.
///
/// A call takes one, fills it and hands it to NumPy with `release`; when its last array goes, it comes back. So a loop
/// that lets go of old results allocates nothing in the kernels. At most kKept wait; more are freed.
template <typename Result>
class Recycled {
 public:
  static std::unique_ptr<Result> take() {
    Recycled& self = instance();
    const std::lock_guard lock(self.mutex_);
    if (self.waiting_.empty()) return std::make_unique<Result>();
    std::unique_ptr<Result> result = std::move(self.waiting_.back());
    self.waiting_.pop_back();
    return result;
  }

  /// What keeps the arrays over the result's memory alive. Needs the GIL.
  static nb::capsule release(std::unique_ptr<Result> result) {
    nb::capsule owner(result.get(), [](void* memory) noexcept { give_back(static_cast<Result*>(memory)); });
    static_cast<void>(result.release());
    return owner;
  }

 private:
  static constexpr std::size_t kKept = 8;

  Recycled() { waiting_.reserve(kKept); }

  static Recycled& instance() {
    // Never destroyed: the interpreter may free arrays after this library's own end.
    static Recycled* const self = new Recycled;
    return *self;
  }

  static void give_back(Result* memory) noexcept {
    std::unique_ptr<Result> result(memory);
    Recycled& self = instance();
    const std::lock_guard lock(self.mutex_);
    if (self.waiting_.size() < kKept) self.waiting_.push_back(std::move(result));
  }

  std::mutex mutex_;
  std::vector<std::unique_ptr<Result>> waiting_;
};

/// A NumPy array over a vector of a result, which `owner` keeps alive; a struct of floats becomes a row.
template <typename T>
nb::object view(std::vector<T>& values, const nb::capsule& owner) {
  return array_over_rows(values, owner);
}

}  // namespace framecast::bindings
