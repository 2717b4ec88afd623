#include "framecast/thread_pool.h"

#include <atomic>
#include <stdexcept>
#include <vector>

#include "allocations.h"
#include "check.h"

using framecast::ThreadPool;

TEST(every_task_runs_once) {
  for (std::size_t threads : {1, 2, 5}) {
    ThreadPool pool(threads);
    CHECK(pool.threads() == threads);
    for (std::size_t count : {0, 1, 2, 7, 1000}) {
      std::vector<std::atomic<int>> calls(count);
      pool.run(count, [&](std::size_t index, std::size_t) { ++calls[index]; });
      for (const auto& times : calls) CHECK(times == 1);
    }
  }
}

TEST(tasks_that_run_together_have_different_threads) {
  ThreadPool pool(4);
  std::vector<std::atomic<int>> inside(4);
  std::atomic<int> clashes{0};
  for (int round = 0; round < 200; ++round) {
    pool.run(16, [&](std::size_t, std::size_t thread) {
      if (inside[thread].fetch_add(1) != 0) ++clashes;
      std::this_thread::yield();
      --inside[thread];
    });
  }
  CHECK(clashes == 0);
}

TEST(workers_take_part) {
  ThreadPool pool(2);
  std::atomic<int> arrived{0};
  // Each task waits for the other, so one thread alone would never end.
  pool.run(2, [&](std::size_t, std::size_t) {
    ++arrived;
    while (arrived < 2) std::this_thread::yield();
  });
  CHECK(arrived == 2);
}

TEST(an_exception_reaches_the_caller_and_the_pool_goes_on) {
  ThreadPool pool(3);
  for (int round = 0; round < 20; ++round) {
    bool thrown = false;
    try {
      pool.run(50, [](std::size_t index, std::size_t) {
        if (index == 3) throw std::runtime_error("task 3");
      });
    } catch (const std::runtime_error& error) {
      thrown = std::string(error.what()) == "task 3";
    }
    CHECK(thrown);
  }
  std::atomic<int> calls{0};
  pool.run(10, [&](std::size_t, std::size_t) { ++calls; });
  CHECK(calls == 10);
}

TEST(callers_do_not_disturb_each_other) {
  ThreadPool pool(3);
  std::atomic<int> wrong{0};
  std::vector<std::thread> callers;
  for (int c = 0; c < 8; ++c) {
    callers.emplace_back([&] {
      for (int round = 0; round < 200; ++round) {
        std::atomic<std::size_t> sum{0};
        pool.run(20, [&](std::size_t index, std::size_t) { sum += index; });
        if (sum != 190) ++wrong;
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  CHECK(wrong == 0);
}

TEST(a_task_may_use_the_pool) {
  ThreadPool pool(3);
  std::atomic<int> calls{0};
  pool.run(6, [&](std::size_t, std::size_t) { pool.run(4, [&](std::size_t, std::size_t) { ++calls; }); });
  CHECK(calls == 24);
}

TEST(no_pool_is_the_calling_thread) {
  std::vector<std::size_t> order;
  framecast::run(nullptr, 3, [&](std::size_t index, std::size_t thread) {
    CHECK(thread == 0);
    order.push_back(index);
  });
  CHECK(order == (std::vector<std::size_t>{0, 1, 2}));
  CHECK(framecast::thread_count(nullptr) == 1);
}

TEST(running_allocates_nothing) {
  ThreadPool pool(3);
  std::atomic<int> calls{0};
  auto some = [&] { pool.run(10, [&](std::size_t, std::size_t) { ++calls; }); };
  some();
  CHECK(allocations_of(some) == 0);
}

TEST(a_senseless_size_is_refused) {
  CHECK_REFUSES("threads", ThreadPool(0));
  CHECK_REFUSES("threads", ThreadPool(1025));
}
