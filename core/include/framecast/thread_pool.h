#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <exception>
#include <mutex>
#include <thread>
#include <type_traits>
#include <vector>

namespace framecast {

/// Threads that share the tasks of one call at a time; made once and given to every call.
///
/// Any number of threads may use a pool at once: the first gets its workers, the others do their own tasks themselves
/// instead of waiting. So a call never gets slower than without a pool, and a process has no more running kernels than
/// it has callers and workers.
class ThreadPool {
 public:
  /// `threads` counts the caller: a pool of 1 starts no thread.
  ///
  /// Throws std::invalid_argument, naming `threads`, outside [1, 1024], and std::system_error where the system refuses.
  explicit ThreadPool(std::size_t threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  std::size_t threads() const { return workers_.size() + 1; }

  /// Calls task(index, thread) for each index in [0, count), in any order, and returns when all calls have ended.
  ///
  /// `thread` is in [0, threads()) and differs between calls that run at the same time, so it may pick a workspace.
  /// Of the exceptions that tasks throw, one is thrown again here; tasks that had not begun by then do not run.
  template <typename Task>
  void run(std::size_t count, Task&& task) {
    run_tasks({[](void* context, std::size_t index, std::size_t thread) {
                 (*static_cast<std::remove_reference_t<Task>*>(context))(index, thread);
               },
               const_cast<void*>(static_cast<const void*>(&task)), count});
  }

 private:
  struct Tasks {
    void (*call)(void* context, std::size_t index, std::size_t thread);
    void* context;
    std::size_t count;
  };

  void run_tasks(const Tasks& tasks);
  void work(std::size_t thread);
  void serve(std::size_t thread);
  void stop();

  std::atomic_flag in_use_;  ///< Set while the workers share a caller's tasks.
  std::mutex mutex_;         ///< Guards what follows, but for next_.
  std::condition_variable wake_;
  std::condition_variable left_;
  Tasks tasks_{};
  std::size_t places_ = 0;  ///< How many more workers may join.
  std::size_t joined_ = 0;
  bool stopping_ = false;
  std::exception_ptr error_;
  std::atomic<std::size_t> next_{0};
  std::vector<std::thread> workers_;
};

/// How many threads `run` below uses at most.
inline std::size_t thread_count(const ThreadPool* pool) { return pool == nullptr ? 1 : pool->threads(); }

/// Runs the tasks in the pool, or one after the other on the calling thread where there is none.
template <typename Task>
void run(ThreadPool* pool, std::size_t count, Task&& task) {
  if (pool != nullptr && count > 1) {
    pool->run(count, task);
    return;
  }
  for (std::size_t i = 0; i < count; ++i) task(i, std::size_t{0});
}

}  // namespace framecast
