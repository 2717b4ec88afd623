#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "framecast/thread_pool.h"

namespace framecast {

template <typename T>
void append_all(const std::vector<T>& from, std::vector<T>& to) {
  to.insert(to.end(), from.begin(), from.end());
}

/// Goes on from the last offset.
inline void append_splits(const std::vector<std::int64_t>& from, std::vector<std::int64_t>& to) {
  const std::int64_t first = to.back();
  const std::size_t before = to.size();
  to.resize(before + from.size() - 1);
  for (std::size_t i = 1; i < from.size(); ++i) to[before + i - 1] = first + from[i];
}

/// Fills `out` with `count` instances: fill(begin, end, thread, result) adds some of them to a cleared result.
///
/// With a pool these are several chunks per thread, as some instances are larger than others; append_instances(chunk,
/// out) puts them together in their order.
template <typename Result, typename Fill>
void fill_in_chunks(ThreadPool* pool, std::size_t count, std::vector<Result>& chunks, Result& out, Fill&& fill) {
  out.clear();
  const std::size_t threads = thread_count(pool);
  if (threads == 1 || count < 2) return fill(std::size_t{0}, count, std::size_t{0}, out);
  const std::size_t chunk = (count + 8 * threads - 1) / (8 * threads);
  const std::size_t needed = (count + chunk - 1) / chunk;
  if (chunks.size() < needed) chunks.resize(needed);
  run(pool, needed, [&](std::size_t task, std::size_t thread) {
    chunks[task].clear();
    fill(task * chunk, std::min(count, (task + 1) * chunk), thread, chunks[task]);
  });
  for (std::size_t c = 0; c < needed; ++c) append_instances(chunks[c], out);
}

}  // namespace framecast
