#include <cmath>
#include <cstring>
#include <type_traits>

#include "argument.h"
#include "framecast/tracker.h"

namespace framecast {
namespace {

constexpr std::uint32_t kVersion = 1;

class Writer {
 public:
  template <typename T>
  void put(const T& value) {
    static_assert(std::is_trivially_copyable_v<T>);
    const auto* const bytes = reinterpret_cast<const std::uint8_t*>(&value);
    bytes_.insert(bytes_.end(), bytes, bytes + sizeof(T));
  }
  std::vector<std::uint8_t> take() { return std::move(bytes_); }

 private:
  std::vector<std::uint8_t> bytes_;
};

/// Bytes that come from outside: whatever is missing or odd is refused.
class Reader {
 public:
  explicit Reader(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}

  template <typename T>
  T take() {
    check(bytes_.size() >= sizeof(T));
    T value;
    std::memcpy(&value, bytes_.data(), sizeof(T));
    bytes_ = bytes_.subspan(sizeof(T));
    return value;
  }
  void check(bool ok) const { require(ok, "saved: is not what a tracker saved"); }
  std::size_t remaining() const { return bytes_.size(); }

 private:
  std::span<const std::uint8_t> bytes_;
};

constexpr std::size_t kTrackBytes = 2 * sizeof(std::int64_t) + sizeof(float) + sizeof(std::int32_t) + 1 +  //
                                    sizeof(KalmanTrack);

}  // namespace

std::vector<std::uint8_t> Tracker::save() const {
  Writer out;
  out.put(kVersion);
  out.put(static_cast<std::uint32_t>(tracks_.size()));
  out.put(frame_);
  out.put(last_id_);
  for (std::size_t i = 0; i < tracks_.size(); ++i) {
    const Track& track = tracks_[i];
    out.put(track.id);
    out.put(track.last_frame);
    out.put(track.score);
    out.put(track.label);
    out.put(track.stage);
    out.put(filters_[i]);
  }
  return out.take();
}

Tracker::Tracker(const TrackerSettings& settings, std::span<const std::uint8_t> saved) : Tracker(settings) {
  Reader in(saved);
  in.check(in.take<std::uint32_t>() == kVersion);
  const std::size_t count = in.take<std::uint32_t>();
  frame_ = in.take<std::int64_t>();
  last_id_ = in.take<std::int64_t>();
  in.check(frame_ >= 0 && last_id_ >= 0 && in.remaining() % kTrackBytes == 0 && in.remaining() / kTrackBytes == count);
  // No stream is that long; so nothing that is counted can overflow.
  constexpr std::int64_t kMost = std::int64_t{1} << 60;
  in.check(frame_ <= kMost && last_id_ <= kMost);
  tracks_.resize(count);
  filters_.resize(count);
  for (std::size_t i = 0; i < count; ++i) {
    Track& track = tracks_[i];
    track.id = in.take<std::int64_t>();
    track.last_frame = in.take<std::int64_t>();
    track.score = in.take<float>();
    track.label = in.take<std::int32_t>();
    const auto stage = in.take<std::uint8_t>();
    in.check(stage <= static_cast<std::uint8_t>(TrackStage::lost));
    track.stage = static_cast<TrackStage>(stage);
    in.check(track.last_frame >= 1 && track.last_frame <= frame_);
    in.check(track.stage == TrackStage::tentative ? track.id == 0 : track.id >= 1 && track.id <= last_id_);
    in.check((track.stage == TrackStage::lost) == (track.last_frame < frame_));
    for (std::size_t earlier = 0; track.id != 0 && earlier < i; ++earlier) in.check(tracks_[earlier].id != track.id);
    filters_[i] = in.take<KalmanTrack>();
    double numbers[sizeof(KalmanTrack) / sizeof(double)];
    std::memcpy(numbers, &filters_[i], sizeof(KalmanTrack));
    for (double number : numbers) in.check(std::isfinite(number));
  }
}

}  // namespace framecast
