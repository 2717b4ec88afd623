#pragma once

#include <atomic>
#include <cstdint>
#include <span>
#include <vector>

#include "framecast/assign.h"
#include "framecast/box.h"
#include "framecast/kalman.h"
#include "framecast/thread_pool.h"

namespace framecast {

/// The defaults are ByteTrack's for 30 frames per second.
struct TrackerSettings {
  float high_score = 0.5f;        ///< Rows above it are matched first, and to lost tracks too.
  float low_score = 0.1f;         ///< Rows above it keep up tracks that no other row went to.
  float new_score = 0.6f;         ///< Rows above it, and above high_score, may begin a track.
  float max_cost = 0.8f;          ///< Of high rows: the most that 1 - IoU * score may be. In [0, 1], as the next two.
  float max_cost_low = 0.5f;      ///< Of low rows: the most that 1 - IoU may be.
  float max_cost_new = 0.7f;      ///< Of high rows and tracks that were seen once: of 1 - IoU * score.
  std::int32_t lost_frames = 30;  ///< For how many frames a track that is not seen is remembered.
  bool class_agnostic = false;    ///< Rows may go to tracks of another class, which then take the row's.
};

enum class TrackStage : std::uint8_t {
  tentative,  ///< Seen in one frame; without an id.
  tracked,    ///< Seen in the last frame.
  lost,       ///< Not seen in the last frame.
};

struct Track {
  std::int64_t id;  ///< From 1 on, in the order in which tracks were confirmed; 0 while tentative.
  std::int64_t last_frame;
  float score;
  std::int32_t label;
  TrackStage stage;
};

/// The objects of one stream of frames, kept from call to call of `track`.
class Tracker {
 public:
  /// Throws std::invalid_argument, naming the setting, where a value does not fit.
  explicit Tracker(const TrackerSettings& settings);
  /// One that goes on as the tracker would that `saved` is of; the settings must be the same.
  ///
  /// Throws std::invalid_argument, naming `saved`, for bytes that `save` did not give.
  Tracker(const TrackerSettings& settings, std::span<const std::uint8_t> saved);

  /// All that the next frames depend on, but for the settings: 24 bytes and 185 for each track.
  std::vector<std::uint8_t> save() const;

  const TrackerSettings& settings() const { return settings_; }
  std::int64_t frame() const { return frame_; }
  std::span<const Track> tracks() const { return tracks_; }
  std::span<const KalmanTrack> filters() const { return filters_; }  ///< One per track.

 private:
  friend class TrackerStep;
  friend class TrackersInUse;

  TrackerSettings settings_;
  std::int64_t frame_ = 0;
  std::int64_t last_id_ = 0;
  std::vector<Track> tracks_;
  std::vector<KalmanTrack> filters_;
  std::atomic_flag in_use_;
};

/// One frame of each of a batch of streams: frame b owns rows splits[b] to splits[b + 1].
struct TrackBatch {
  std::span<const Box> boxes;             ///< [N]
  std::span<const float> scores;          ///< [N]
  std::span<const std::int32_t> classes;  ///< [N], any labels.
  std::span<const std::int64_t> splits;   ///< [B + 1], from 0 to N, never falling.
};

/// What one thread needs for one stream at a time.
struct TrackScratch {
  std::vector<Box> boxes;  ///< Where the tracks are expected, and are found in the end.
  std::vector<std::uint32_t> high, low, left, confirmed, seen_before, tentative;
  std::vector<std::int64_t> row_of_track;
  std::vector<float> columns[5];
  std::vector<std::uint32_t> rivals;
  std::vector<float> ious;
  AssignWorkspace assign;
  std::vector<std::int64_t> column_of_row, row_of_column;
  std::vector<std::int64_t> update_rows;
  std::vector<Box> update_boxes;
};

/// Memory of `track`, reused across calls; one per caller.
struct TrackWorkspace {
  std::vector<TrackScratch> threads;
};

/// Tells which object of its stream each row shows, by two rounds of matching as in ByteTrack (Zhang et al., 2022).
///
/// For each stream: every track moves on by its Kalman filter (`kalman_predict`; a lost one keeps its size). High rows
/// are assigned to tracked and lost tracks at the lowest sum of 1 - IoU * score, low rows then to the tracked ones left
/// at that of 1 - IoU, and the high rows left to tentative tracks. A tentative track that is found gets its id, one
/// that is not is forgotten, as is a track lost for more than lost_frames. High rows that are still left begin
/// tentative tracks, or, in a stream's first frame, tracks with an id. A lost track that a tracked one of its class
/// covers, IoU above 0.85, is forgotten too. Matched pairs share some area and, unless class_agnostic, their class.
/// Writes the id of each row's track to `ids`, -1 where it has none (yet). A row with a NaN score, a coordinate that
/// is not finite, or without area has none. The same frames give the same ids, whatever the machine or the pool.
/// trackers[b] takes frame b. Streams are shared among the threads of `pool`. Throws std::invalid_argument, naming the
/// argument, where lengths do not fit, and where a tracker comes twice or is in use by another call.
void track(std::span<Tracker* const> trackers, const TrackBatch& batch, std::span<std::int64_t> ids,
           TrackWorkspace& workspace, ThreadPool* pool = nullptr);

}  // namespace framecast
