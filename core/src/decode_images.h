#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "framecast/decode_workspace.h"
#include "framecast/thread_pool.h"

namespace framecast {

/// Fills `out` from decode(image, scratch, candidates), which appends the image's candidates; an image is a task.
template <typename Decode>
void decode_images(std::size_t batch, Candidates& out, DecodeWorkspace& workspace, ThreadPool* pool, Decode&& decode) {
  workspace.threads.resize(std::max(workspace.threads.size(), thread_count(pool)));
  out.clear();
  out.splits.push_back(0);
  if (pool == nullptr || batch < 2) {
    for (std::size_t b = 0; b < batch; ++b) {
      decode(b, workspace.threads[0], out);
      out.splits.push_back(static_cast<std::int64_t>(out.boxes.size()));
    }
    return;
  }
  workspace.images.resize(std::max(workspace.images.size(), batch));
  run(pool, batch, [&](std::size_t image, std::size_t thread) {
    workspace.images[image].clear();
    decode(image, workspace.threads[thread], workspace.images[image]);
  });
  for (std::size_t b = 0; b < batch; ++b) {
    const Candidates& part = workspace.images[b];
    out.boxes.insert(out.boxes.end(), part.boxes.begin(), part.boxes.end());
    out.scores.insert(out.scores.end(), part.scores.begin(), part.scores.end());
    out.classes.insert(out.classes.end(), part.classes.begin(), part.classes.end());
    out.sources.insert(out.sources.end(), part.sources.begin(), part.sources.end());
    out.splits.push_back(static_cast<std::int64_t>(out.boxes.size()));
  }
}

/// Adds one candidate.
inline void append(Candidates& out, const Box& box, float score, std::size_t class_index) {
  out.boxes.push_back(box);
  out.scores.push_back(score);
  out.classes.push_back(static_cast<std::int32_t>(class_index));
}

}  // namespace framecast
