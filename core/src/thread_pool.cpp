#include "framecast/thread_pool.h"

#include <algorithm>
#include <utility>

#include "argument.h"

namespace framecast {

ThreadPool::ThreadPool(std::size_t threads) {
  require(threads >= 1 && threads <= 1024, "threads: must be in [1, 1024]");
  workers_.reserve(threads - 1);
  try {
    for (std::size_t i = 1; i < threads; ++i) workers_.emplace_back([this, i] { serve(i); });
  } catch (...) {
    stop();
    throw;
  }
}

ThreadPool::~ThreadPool() { stop(); }

void ThreadPool::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  for (std::thread& worker : workers_) worker.join();
  workers_.clear();
}

void ThreadPool::run_tasks(const Tasks& tasks) {
  const std::size_t helpers = tasks.count == 0 ? 0 : std::min(tasks.count - 1, workers_.size());
  if (helpers == 0 || in_use_.test_and_set(std::memory_order_acquire)) {
    for (std::size_t i = 0; i < tasks.count; ++i) tasks.call(tasks.context, i, 0);
    return;
  }
  {
    const std::lock_guard lock(mutex_);
    tasks_ = tasks;
    places_ = helpers;
    error_ = nullptr;
    next_.store(0, std::memory_order_relaxed);
  }
  for (std::size_t i = 0; i < helpers; ++i) wake_.notify_one();
  work(0);
  std::unique_lock lock(mutex_);
  places_ = 0;  // No task is left, so a worker that has not woken by now need not come.
  left_.wait(lock, [this] { return joined_ == 0; });
  const std::exception_ptr error = std::exchange(error_, nullptr);
  lock.unlock();
  in_use_.clear(std::memory_order_release);
  if (error != nullptr) std::rethrow_exception(error);
}

void ThreadPool::work(std::size_t thread) {
  const Tasks tasks = tasks_;  // Not changed while anyone has joined.
  try {
    for (;;) {
      const std::size_t index = next_.fetch_add(1, std::memory_order_relaxed);
      if (index >= tasks.count) return;
      tasks.call(tasks.context, index, thread);
    }
  } catch (...) {
    next_.store(tasks.count, std::memory_order_relaxed);
    const std::lock_guard lock(mutex_);
    error_ = std::current_exception();
  }
}

void ThreadPool::serve(std::size_t thread) {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return stopping_ || places_ > 0; });
    if (stopping_) return;
    --places_;
    ++joined_;
    lock.unlock();
    work(thread);
    lock.lock();
    if (--joined_ == 0) left_.notify_one();
  }
}

}  // namespace framecast
