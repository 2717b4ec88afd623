#pragma once

#include <cstddef>
#include <span>
#include <stdexcept>

#include "framecast/tracker.h"

namespace framecast {

/// Holds the trackers of a call, so that none is changed from two sides.
class TrackersInUse {
 public:
  /// Throws std::invalid_argument, naming `trackers`, where one comes twice or is held already.
  explicit TrackersInUse(std::span<Tracker* const> trackers) : trackers_(trackers) {
    for (Tracker* tracker : trackers) {
      if (tracker->in_use_.test_and_set(std::memory_order_acquire)) {
        release();
        throw std::invalid_argument("trackers: one comes twice or is in use by another call");
      }
      ++held_;
    }
  }
  ~TrackersInUse() { release(); }
  TrackersInUse(const TrackersInUse&) = delete;
  TrackersInUse& operator=(const TrackersInUse&) = delete;

 private:
  void release() {
    for (; held_ > 0; --held_) trackers_[held_ - 1]->in_use_.clear(std::memory_order_release);
  }

  std::span<Tracker* const> trackers_;
  std::size_t held_ = 0;
};

}  // namespace framecast
