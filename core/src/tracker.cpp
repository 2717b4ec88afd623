#include "framecast/tracker.h"

#include <algorithm>
#include <cmath>

#include "argument.h"
#include "assign_pairs.h"
#include "finite_box.h"
#include "kernels/box_iou.h"
#include "suppression_batch.h"
#include "trackers_in_use.h"

namespace framecast {
namespace {

constexpr float kCovered = 0.85f;

}  // namespace

Tracker::Tracker(const TrackerSettings& settings) : settings_(settings) {
  require(!std::isnan(settings.high_score), "high_score: must not be NaN");
  require(settings.low_score <= settings.high_score, "low_score: must not be above high_score");
  require(!std::isnan(settings.new_score), "new_score: must not be NaN");
  auto is_share = [](float value) { return value >= 0 && value <= 1; };
  require(is_share(settings.max_cost), "max_cost: must be in [0, 1]");
  require(is_share(settings.max_cost_low), "max_cost_low: must be in [0, 1]");
  require(is_share(settings.max_cost_new), "max_cost_new: must be in [0, 1]");
  require(settings.lost_frames >= 0, "lost_frames: must not be negative");
}

/// One stream's next frame.
class TrackerStep {
 public:
  TrackerStep(Tracker& tracker, std::span<const Box> boxes, std::span<const float> scores,
              std::span<const std::int32_t> classes, std::span<std::int64_t> ids, kernels::IousAbove ious_above,
              TrackScratch& scratch)
      : tracker_(tracker),
        settings_(tracker.settings_),
        boxes_(boxes),
        scores_(scores),
        classes_(classes),
        ids_(ids),
        ious_above_(ious_above),
        scratch_(scratch) {}

  void run() {
    ++tracker_.frame_;
    std::fill(ids_.begin(), ids_.end(), -1);
    predict();
    sort_rows_and_tracks();
    auto& [boxes, high, low, left, confirmed, seen_before, tentative, row_of_track, columns, rivals, ious, assign,
           column_of_row, row_of_column, update_rows, update_boxes] = scratch_;
    row_of_track.assign(tracker_.tracks_.size(), -1);
    match(confirmed, high, settings_.max_cost, true);
    left.clear();
    for (std::size_t i = 0; i < high.size(); ++i) {
      if (row_of_column[i] < 0) left.push_back(high[i]);
    }
    seen_before.clear();
    for (std::uint32_t track : confirmed) {
      if (row_of_track[track] < 0 && tracker_.tracks_[track].stage == TrackStage::tracked) seen_before.push_back(track);
    }
    match(seen_before, low, settings_.max_cost_low, false);
    match(tentative, left, settings_.max_cost_new, true);
    update();
    begin_tracks();
    forget();
  }

 private:
  void predict() {
    for (std::size_t i = 0; i < tracker_.tracks_.size(); ++i) {
      if (tracker_.tracks_[i].stage != TrackStage::lost) continue;
      KalmanTrack& filter = tracker_.filters_[i];
      filter.velocity[2] = filter.velocity[3] = 0;
    }
    kalman_predict(tracker_.filters_);
    scratch_.boxes.resize(tracker_.filters_.size());
    kalman_boxes(tracker_.filters_, scratch_.boxes);
  }

  void sort_rows_and_tracks() {
    auto& s = scratch_;
    s.high.clear();
    s.low.clear();
    for (std::uint32_t row = 0; row < boxes_.size(); ++row) {
      const Box& box = boxes_[row];
      if (!is_finite(box) || !(box.x2 > box.x1) || !(box.y2 > box.y1)) continue;
      if (scores_[row] > settings_.high_score) {
        s.high.push_back(row);
      } else if (scores_[row] > settings_.low_score) {
        s.low.push_back(row);
      }
    }
    s.confirmed.clear();
    s.tentative.clear();
    for (std::uint32_t track = 0; track < tracker_.tracks_.size(); ++track) {
      (tracker_.tracks_[track].stage == TrackStage::tentative ? s.tentative : s.confirmed).push_back(track);
    }
  }

  kernels::BoxColumns columns(std::size_t count) {
    auto column = [&](std::size_t c) {
      auto& values = scratch_.columns[c];
      values.resize(std::max(values.size(), count));
      return values.data();
    };
    scratch_.rivals.resize(std::max(scratch_.rivals.size(), count));
    scratch_.ious.resize(std::max(scratch_.ious.size(), count));
    return {column(0), column(1), column(2), column(3), column(4), count};
  }

  bool may_be(std::int32_t label, std::int32_t other) const { return settings_.class_agnostic || label == other; }

  /// Assigns rows to tracks: writes row_of_track, and row_of_column for each of `rows`.
  void match(const std::vector<std::uint32_t>& tracks, const std::vector<std::uint32_t>& rows, float max_cost,
             bool by_score) {
    const kernels::BoxColumns given = columns(rows.size());
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const Box& box = boxes_[rows[i]];
      kernels::set_column(given, i, box, kernels::area_of(box));
    }
    // No pair with less can be cheap enough, rounding included.
    const float least_iou = std::max(0.0f, 1 - max_cost - 1e-5f);
    auto& assign = scratch_.assign;
    assign.pairs.clear();
    assign.pair_splits.assign(1, 0);
    for (std::uint32_t track : tracks) {
      const Box& box = scratch_.boxes[track];
      const std::size_t found =
          ious_above_(given, 0, box, kernels::area_of(box), least_iou, scratch_.rivals.data(), scratch_.ious.data());
      for (std::size_t i = 0; i < found; ++i) {
        const std::uint32_t row = rows[scratch_.rivals[i]];
        const float cost = 1 - scratch_.ious[i] * (by_score ? std::min(scores_[row], 1.0f) : 1);
        if (cost <= max_cost && may_be(tracker_.tracks_[track].label, classes_[row])) {
          assign.pairs.push_back({scratch_.rivals[i], cost});
        }
      }
      assign.pair_splits.push_back(assign.pairs.size());
    }
    scratch_.column_of_row.resize(tracks.size());
    scratch_.row_of_column.resize(rows.size());
    assign_pairs(tracks.size(), rows.size(), max_cost, scratch_.column_of_row, scratch_.row_of_column, assign);
    for (std::size_t i = 0; i < tracks.size(); ++i) {
      const std::int64_t column = scratch_.column_of_row[i];
      if (column >= 0) scratch_.row_of_track[tracks[i]] = rows[static_cast<std::size_t>(column)];
    }
  }

  /// Lets the tracks see what they were matched with; the others are lost.
  void update() {
    scratch_.update_rows.clear();
    scratch_.update_boxes.clear();
    for (std::size_t i = 0; i < tracker_.tracks_.size(); ++i) {
      Track& track = tracker_.tracks_[i];
      const std::int64_t row = scratch_.row_of_track[i];
      if (row < 0) {
        if (track.stage == TrackStage::tracked) track.stage = TrackStage::lost;
        continue;
      }
      const auto seen = static_cast<std::size_t>(row);
      scratch_.update_rows.push_back(static_cast<std::int64_t>(i));
      scratch_.update_boxes.push_back(boxes_[seen]);
      if (track.id == 0) track.id = ++tracker_.last_id_;
      track.last_frame = tracker_.frame_;
      track.score = scores_[seen];
      track.label = classes_[seen];
      track.stage = TrackStage::tracked;
      ids_[seen] = track.id;
    }
    kalman_update(tracker_.filters_, scratch_.update_rows, scratch_.update_boxes);
  }

  /// The rows that `match` left last begin tracks.
  void begin_tracks() {
    const bool first = tracker_.frame_ == 1;
    for (std::size_t i = 0; i < scratch_.left.size(); ++i) {
      const std::uint32_t row = scratch_.left[i];
      if (scratch_.row_of_column[i] >= 0 || !(scores_[row] > settings_.new_score)) continue;
      const std::int64_t id = first ? ++tracker_.last_id_ : 0;
      tracker_.tracks_.push_back(
          {id, tracker_.frame_, scores_[row], classes_[row], first ? TrackStage::tracked : TrackStage::tentative});
      tracker_.filters_.emplace_back();
      kalman_start({&boxes_[row], 1}, {&tracker_.filters_.back(), 1});
      if (first) ids_[row] = id;
    }
  }

  /// Drops tentative tracks that were not found, old lost ones and those that others cover.
  void forget() {
    auto& tracks = tracker_.tracks_;
    scratch_.boxes.resize(tracks.size());
    kalman_boxes(tracker_.filters_, scratch_.boxes);
    auto& lost = scratch_.confirmed;
    lost.clear();
    for (std::uint32_t i = 0; i < tracks.size(); ++i) {
      if (tracks[i].stage == TrackStage::lost) lost.push_back(i);
    }
    const kernels::BoxColumns lost_columns = columns(lost.size());
    for (std::size_t i = 0; i < lost.size(); ++i) {
      const Box& box = scratch_.boxes[lost[i]];
      kernels::set_column(lost_columns, i, box, kernels::area_of(box));
    }
    auto& covered = scratch_.row_of_track;
    covered.assign(tracks.size(), 0);
    for (std::size_t i = 0; i < tracks.size() && !lost.empty(); ++i) {
      if (tracks[i].stage != TrackStage::tracked) continue;
      const Box& box = scratch_.boxes[i];
      const std::size_t found = ious_above_(lost_columns, 0, box, kernels::area_of(box), kCovered,
                                            scratch_.rivals.data(), scratch_.ious.data());
      for (std::size_t k = 0; k < found; ++k) {
        const std::uint32_t other = lost[scratch_.rivals[k]];
        if (may_be(tracks[i].label, tracks[other].label)) covered[other] = 1;
      }
    }
    std::size_t kept = 0;
    for (std::size_t i = 0; i < tracks.size(); ++i) {
      const Track& track = tracks[i];
      const std::int64_t unseen = tracker_.frame_ - track.last_frame;
      if (unseen > 0 && (track.stage == TrackStage::tentative || unseen > settings_.lost_frames || covered[i]))
        continue;
      tracks[kept] = track;
      tracker_.filters_[kept++] = tracker_.filters_[i];
    }
    tracks.resize(kept);
    tracker_.filters_.resize(kept);
  }

  Tracker& tracker_;
  const TrackerSettings& settings_;
  std::span<const Box> boxes_;
  std::span<const float> scores_;
  std::span<const std::int32_t> classes_;
  std::span<std::int64_t> ids_;
  kernels::IousAbove ious_above_;
  TrackScratch& scratch_;
};

void track(std::span<Tracker* const> trackers, const TrackBatch& batch, std::span<std::int64_t> ids,
           TrackWorkspace& workspace, ThreadPool* pool) {
  require_rows(batch.boxes.size(), batch.scores, batch.classes, batch.splits);
  require(trackers.size() + 1 == batch.splits.size(), "trackers: must have one entry per frame");
  for (const Tracker* tracker : trackers) require(tracker != nullptr, "trackers: must not hold null");
  require(ids.size() == batch.boxes.size(), "ids: must have one entry per box");
  const TrackersInUse in_use(trackers);
  const kernels::IousAbove ious_above = kernels::box_iou_kernels(active_isa()).ious_above;
  workspace.threads.resize(std::max(workspace.threads.size(), thread_count(pool)));
  run(pool, trackers.size(), [&](std::size_t stream, std::size_t thread) {
    const auto first = static_cast<std::size_t>(batch.splits[stream]);
    const auto count = static_cast<std::size_t>(batch.splits[stream + 1]) - first;
    TrackerStep(*trackers[stream], batch.boxes.subspan(first, count), batch.scores.subspan(first, count),
                batch.classes.subspan(first, count), ids.subspan(first, count), ious_above, workspace.threads[thread])
        .run();
  });
}

}  // namespace framecast
