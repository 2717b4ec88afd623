#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <stdexcept>

/// Bytes that end where a page begins that must not be touched.
class GuardedBytes {
 public:
  explicit GuardedBytes(std::size_t size) : page_(static_cast<std::size_t>(sysconf(_SC_PAGESIZE))) {
    length_ = (size + page_ - 1) / page_ * page_ + page_;
    memory_ = mmap(nullptr, length_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory_ == MAP_FAILED) throw std::runtime_error("mmap failed");
    guard_ = static_cast<std::uint8_t*>(memory_) + length_ - page_;
    if (mprotect(guard_, page_, PROT_NONE) != 0) throw std::runtime_error("mprotect failed");
    data_ = guard_ - size;
  }
  ~GuardedBytes() { munmap(memory_, length_); }
  GuardedBytes(const GuardedBytes&) = delete;
  GuardedBytes& operator=(const GuardedBytes&) = delete;

  std::uint8_t* data() { return data_; }

 private:
  std::size_t page_;
  std::size_t length_;
  void* memory_;
  std::uint8_t* guard_;
  std::uint8_t* data_;
};
