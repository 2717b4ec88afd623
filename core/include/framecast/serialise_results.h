#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "framecast/box.h"
#include "framecast/category_table.h"
#include "framecast/point.h"
#include "framecast/thread_pool.h"

namespace framecast {

/// google.protobuf.Duration. Laid out as a row of an int64 [B, 2] array.
struct PresentationTime {
  std::int64_t seconds;
  std::int64_t nanos;  ///< Within int32.
};

/// A message that is on the wire already, or none.
using SerialisedMessage = std::optional<std::span<const std::uint8_t>>;

/// What each image of the batch is; spans are [B], those marked optional may be empty.
struct ResultFrames {
  std::span<const std::int64_t> frame_indices;
  std::span<const std::int32_t> image_sizes;             ///< [B * 2]: height, width.
  std::span<const std::int64_t> pts;                     ///< Optional.
  std::span<const PresentationTime> presentation_times;  ///< Optional.
  std::span<const std::uint8_t> timed;                   ///< Optional; zero: no presentation time.
  std::span<const SerialisedMessage> errors;             ///< Optional; google.rpc.Status.
  std::span<const SerialisedMessage> progress;           ///< Optional; PredictVideoResponse.Progress.
};

/// Outlines in the nested offsets of `Polygons`.
struct ResultPolygons {
  std::span<const Point> points;
  std::span<const std::int64_t> ring_splits;
  std::span<const std::int64_t> part_splits;
  std::span<const std::int64_t> instance_splits;
};

/// Keypoints of the instances: instance i owns points splits[i] to splits[i + 1].
struct ResultKeypoints {
  std::span<const std::int64_t> splits;        ///< [K + 1]
  std::span<const Point> points;               ///< [N]
  std::span<const std::int32_t> visibilities;  ///< [N] or empty; numbers of Keypoint.Visibility.
  std::span<const float> scores;               ///< [N] or empty; where given, every point has one, even 0.
};

/// Masks of the instances as run lengths, each of its whole image: instance i owns counts splits[i] to splits[i + 1].
struct ResultMasks {
  std::span<const std::int64_t> splits;   ///< [K + 1]; an instance without counts has no mask.
  std::span<const std::uint32_t> counts;  ///< [C]
};

/// A vector of floats per row, all as long.
struct ResultVectors {
  std::span<const float> values;  ///< [rows * length]
  std::size_t length = 0;         ///< 0: there is none.

  std::span<const float> row(std::size_t index) const { return values.subspan(index * length, length); }
};

/// The instances of the batch, in the order in which they are written; image b owns rows splits[b] to splits[b + 1].
struct ResultInstances {
  std::span<const std::int64_t> splits;      ///< [B + 1]
  std::span<const Box> boxes;                ///< [K]
  std::span<const float> scores;             ///< [K]
  std::span<const std::int32_t> classes;     ///< [K] rows of the category table.
  std::span<const std::int64_t> mask_areas;  ///< [K] or empty.
  std::optional<ResultPolygons> polygons;
  std::optional<ResultKeypoints> keypoints;
  std::optional<ResultMasks> masks;
  std::span<const std::int64_t> track_ids;  ///< [K] or empty.
  ResultVectors logits;                     ///< K rows.
  ResultVectors embeddings;                 ///< K rows.
};

/// Labels of whole images; image b owns rows splits[b] to splits[b + 1].
struct ResultLabels {
  std::span<const std::int64_t> splits;   ///< [B + 1]
  std::span<const std::int32_t> classes;  ///< [M] rows of the category table.
  std::span<const float> scores;          ///< [M]
};

/// Label maps of the images; image b owns segments splits[b] to splits[b + 1] and runs run_splits[b] to
/// run_splits[b + 1]. One without runs has none.
struct ResultSegmentations {
  std::span<const std::int64_t> splits;         ///< [B + 1]
  std::span<const std::int32_t> classes;        ///< [S] rows of the category table.
  std::span<const std::int64_t> areas;          ///< [S]
  std::span<const std::int64_t> run_splits;     ///< [B + 1]
  std::span<const std::uint32_t> lengths;       ///< [R]
  std::span<const std::uint32_t> run_segments;  ///< [R] in [0, the image's segments]; 0: no category.
};

/// What is said of whole images, beside their labels; an image with an error has none of it.
struct ResultPictures {
  ResultVectors logits;                               ///< B rows.
  ResultVectors embeddings;                           ///< B rows.
  std::span<const SerialisedMessage> debug_pictures;  ///< [B] or empty; DebugPicture.
  std::optional<ResultSegmentations> segmentations;
};

/// The message that each image becomes.
enum class ResultMessage : std::uint8_t {
  frame_result,
  /// PredictImagesResponse with one result. Joined, with the other fields behind them, these are one such message.
  predict_images_response,
  /// PredictVideoResponse with `result` and, where given, `progress`.
  predict_video_response,
};

struct ResultBatch {
  ResultFrames frames;
  std::optional<ResultInstances> instances;
  std::optional<ResultLabels> labels;
  ResultPictures pictures;
  ResultMessage message = ResultMessage::frame_result;
};

/// Writes the size in bytes of each image's message to `sizes`, [B].
///
/// Throws std::invalid_argument, naming the argument, where lengths, offsets or classes do not fit, an image with an
/// error has instances, labels or runs, or a message has 2 GiB or more. Any float is written as it is.
void measure_results(const ResultBatch& batch, const CategoryTable& categories, std::span<std::size_t> sizes,
                     ThreadPool* pool = nullptr);

/// Writes each image's message of `framecast.v1` in protobuf's wire format; out[b] has the size that was measured.
///
/// The bytes are those that protobuf's own serialisation gives. Images are shared among the threads of `pool`, where
/// there is one. Throws what `measure_results` throws, and std::invalid_argument, naming `out`, for any other size.
void serialise_results(const ResultBatch& batch, const CategoryTable& categories,
                       std::span<const std::span<std::uint8_t>> out, ThreadPool* pool = nullptr);

}  // namespace framecast
