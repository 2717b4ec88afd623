#include "framecast/serialise_results.h"

#include <nanobind/stl/optional.h>

#include <optional>
#include <string_view>

#include "arrays.h"

namespace framecast::bindings {
namespace {

template <typename T, int Dimensions>
using Optional = std::optional<Input<T, Dimensions>>;

/// An array that may be left out, but not be shorter; to the kernel an empty span is one that was left out.
template <typename T>
std::span<const T> span_or_empty(const Optional<T, 1>& array, std::size_t count, const char* message) {
  if (!array) return {};
  require(array->size() == count, message);
  return span(*array);
}

/// A row of floats per image or instance; rows of none where there is no array.
ResultVectors vectors(const Optional<float, 2>& array, std::size_t count, const char* message) {
  if (!array) return {};
  require(array->shape(0) == count, message);
  return {{array->data(), array->size()}, array->shape(1)};
}

std::span<const PresentationTime> times(const Optional<std::int64_t, 2>& array, std::size_t count) {
  static_assert(sizeof(PresentationTime) == 2 * sizeof(std::int64_t));
  if (!array) return {};
  require(array->shape(0) == count && array->shape(1) == 2, "presentation_times: must be [B, 2]");
  return {reinterpret_cast<const PresentationTime*>(array->data()), count};
}

/// A flag per image, as bool or uint8.
using Flags = nb::ndarray<nb::ro, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

std::span<const std::uint8_t> flag_span(const std::optional<Flags>& flags, std::size_t count) {
  if (!flags) return {};
  require(flags->size() == count, "timed: must have one entry per image");
  if (flags->dtype() != nb::dtype<bool>() && flags->dtype() != nb::dtype<std::uint8_t>()) {
    throw nb::type_error("timed: must be bool or uint8");
  }
  return {static_cast<const std::uint8_t*>(flags->data()), flags->size()};
}

/// The arrays of `Polygons`, or of any object that has those attributes.
struct PolygonArrays {
  explicit PolygonArrays(nb::handle polygons) {
    take(polygons, "points", points);
    take(polygons, "ring_splits", ring_splits);
    take(polygons, "part_splits", part_splits);
    take(polygons, "instance_splits", instance_splits);
  }

  ResultPolygons spans() const {
    return {rows<Point>(points, "polygons.points: must be [V, 2]"), span(ring_splits), span(part_splits),
            span(instance_splits)};
  }

  Input<float, 2> points;
  Input<std::int64_t, 1> ring_splits, part_splits, instance_splits;

 private:
  template <typename Array>
  static void take(nb::handle polygons, const char* name, Array& array) {
    if (nb::try_cast(nb::getattr(polygons, name, nb::none()), array, false)) return;
    throw nb::type_error("polygons: must have the arrays of Polygons");
  }
};

/// Messages on the wire, whose objects are held while the GIL is not.
struct Messages {
  Messages(const std::optional<nb::sequence>& given, std::size_t count, const char* message) {
    if (!given) return;
    for (nb::handle each : *given) {
      if (each.is_none()) {
        spans.emplace_back();
        continue;
      }
      if (!nb::isinstance<nb::bytes>(each)) throw nb::type_error(message);
      const auto& held = objects.emplace_back(nb::borrow<nb::bytes>(each));
      spans.emplace_back(std::span(static_cast<const std::uint8_t*>(held.data()), held.size()));
    }
    require(spans.size() == count, message);
  }

  std::vector<nb::bytes> objects;
  std::vector<SerialisedMessage> spans;
};

ResultMessage message_of(std::string_view name) {
  if (name == "FrameResult") return ResultMessage::frame_result;
  if (name == "PredictImagesResponse") return ResultMessage::predict_images_response;
  if (name == "PredictVideoResponse") return ResultMessage::predict_video_response;
  throw std::invalid_argument("message: must be FrameResult, PredictImagesResponse or PredictVideoResponse");
}

/// One bytes object per image, allocated at its size and filled in place.
nb::list to_bytes(const ResultBatch& batch, const CategoryTable& categories, ThreadPool* pool) {
  // Where a batch has few rows, measuring takes less than giving the GIL away and waiting for it again.
  constexpr std::size_t kFewRows = 4096;
  thread_local std::vector<std::size_t> sizes;
  thread_local std::vector<std::span<std::uint8_t>> targets;
  const std::size_t images = batch.frames.frame_indices.size();
  // First, since a new list may run the garbage collector, and so anything.
  nb::list messages = nb::steal<nb::list>(PyList_New(static_cast<Py_ssize_t>(images)));
  if (!messages.is_valid()) throw nb::python_error();
  sizes.resize(images);
  std::size_t rows = images;
  if (batch.labels) rows += batch.labels->scores.size();
  if (batch.instances) rows += batch.instances->boxes.size();
  if (batch.instances && batch.instances->polygons) rows += batch.instances->polygons->ring_splits.size();
  if (batch.instances && batch.instances->keypoints) rows += batch.instances->keypoints->points.size();
  if (batch.instances && batch.instances->masks) rows += batch.instances->masks->counts.size();
  if (batch.pictures.segmentations) rows += batch.pictures.segmentations->lengths.size();
  if (rows <= kFewRows) {
    measure_results(batch, categories, sizes);
  } else {
    nb::gil_scoped_release release;
    measure_results(batch, categories, sizes, pool);
  }
  targets.resize(images);
  for (std::size_t image = 0; image < images; ++image) {
    PyObject* bytes = PyBytes_FromStringAndSize(nullptr, static_cast<Py_ssize_t>(sizes[image]));
    if (bytes == nullptr) throw nb::python_error();
    PyList_SET_ITEM(messages.ptr(), static_cast<Py_ssize_t>(image), bytes);
    targets[image] = {reinterpret_cast<std::uint8_t*>(PyBytes_AS_STRING(bytes)), sizes[image]};
  }
  nb::gil_scoped_release release;
  serialise_results(batch, categories, targets, pool);
  return messages;
}

nb::list serialise_results_numpy(
    const CategoryTable& categories, const Input<std::int64_t, 1>& frame_indices,
    const Input<std::int32_t, 2>& image_sizes, const Optional<std::int64_t, 1>& splits, const Optional<float, 2>& boxes,
    const Optional<float, 1>& scores, const Optional<std::int32_t, 1>& classes, nb::object polygons,
    const Optional<std::int64_t, 1>& mask_areas, const Optional<std::int64_t, 1>& keypoint_splits,
    const Optional<float, 2>& keypoints, const Optional<std::int32_t, 1>& visibilities,
    const Optional<float, 1>& keypoint_scores, const Optional<std::int64_t, 1>& label_splits,
    const Optional<std::int32_t, 1>& label_classes, const Optional<float, 1>& label_scores,
    const std::optional<nb::sequence>& errors, const Optional<std::int64_t, 1>& pts,
    const Optional<std::int64_t, 2>& presentation_times, const std::optional<Flags>& timed, const char* message,
    const std::optional<nb::sequence>& progress, const Optional<std::int64_t, 1>& mask_splits,
    const Optional<std::uint32_t, 1>& mask_counts, const Optional<std::int64_t, 1>& track_ids,
    const Optional<float, 2>& logits, const Optional<float, 2>& embeddings, const Optional<float, 2>& image_logits,
    const Optional<float, 2>& image_embeddings, const std::optional<nb::sequence>& debug_pictures,
    const Optional<std::int64_t, 1>& segment_splits, const Optional<std::int32_t, 1>& segment_classes,
    const Optional<std::int64_t, 1>& segment_areas, const Optional<std::int64_t, 1>& run_splits,
    const Optional<std::uint32_t, 1>& run_lengths, const Optional<std::uint32_t, 1>& run_segments, ThreadPool* pool) {
  const std::size_t images = frame_indices.size();
  const Messages held_errors(errors, images, "errors: must be bytes or None per image");
  const Messages held_progress(progress, images, "progress: must be bytes or None per image");
  const Messages held_debug(debug_pictures, images, "debug_pictures: must be bytes or None per image");
  std::optional<PolygonArrays> held_polygons;
  require(image_sizes.shape(1) == 2, "image_sizes: must be [B, 2]");
  require(!timed || presentation_times, "timed: needs presentation_times");
  ResultBatch batch;
  batch.message = message_of(message);
  batch.frames = {span(frame_indices),
                  span(image_sizes),
                  span_or_empty(pts, images, "pts: must have one entry per image"),
                  times(presentation_times, images),
                  flag_span(timed, images),
                  held_errors.spans,
                  held_progress.spans};
  require(boxes.has_value() == splits.has_value() && boxes.has_value() == scores.has_value() &&
              boxes.has_value() == classes.has_value(),
          "boxes: must come with splits, scores and classes");
  require(boxes ||
              (polygons.is_none() && !mask_areas && !keypoints && !mask_splits && !track_ids && !logits && !embeddings),
          "boxes: must come with what describes them");
  require(keypoints.has_value() == keypoint_splits.has_value(), "keypoints: must come with keypoint_splits");
  require(keypoints || (!visibilities && !keypoint_scores), "keypoints: must come with what describes them");
  require(label_splits.has_value() == label_classes.has_value() && label_splits.has_value() == label_scores.has_value(),
          "label_splits: must come with label_classes and label_scores");
  require(mask_splits.has_value() == mask_counts.has_value(), "mask_splits: must come with mask_counts");
  const bool segmented = segment_splits.has_value();
  require(segmented == segment_classes.has_value() && segmented == segment_areas.has_value() &&
              segmented == run_splits.has_value() && segmented == run_lengths.has_value() &&
              segmented == run_segments.has_value(),
          "segment_splits: must come with segment_classes, segment_areas, run_splits, run_lengths and run_segments");
  if (boxes) {
    ResultInstances& instances = batch.instances.emplace();
    instances.splits = span(*splits);
    instances.boxes = rows<Box>(*boxes, "boxes: must be [K, 4]");
    instances.scores = span(*scores);
    instances.classes = span(*classes);
    instances.mask_areas = span_or_empty(mask_areas, instances.boxes.size(), "mask_areas: must have one entry per box");
    if (!polygons.is_none()) instances.polygons = held_polygons.emplace(polygons).spans();
    const std::size_t count = instances.boxes.size();
    if (mask_splits) instances.masks = ResultMasks{span(*mask_splits), span(*mask_counts)};
    instances.track_ids = span_or_empty(track_ids, count, "track_ids: must have one entry per box");
    instances.logits = vectors(logits, count, "logits: must have one row per box");
    instances.embeddings = vectors(embeddings, count, "embeddings: must have one row per box");
  }
  if (keypoints) {
    const auto points = rows<Point>(*keypoints, "keypoints: must be [N, 2]");
    batch.instances->keypoints = ResultKeypoints{
        span(*keypoint_splits), points,
        span_or_empty(visibilities, points.size(), "visibilities: must have one entry per keypoint"),
        span_or_empty(keypoint_scores, points.size(), "keypoint_scores: must have one entry per keypoint")};
  }
  if (label_splits) batch.labels = ResultLabels{span(*label_splits), span(*label_classes), span(*label_scores)};
  batch.pictures.logits = vectors(image_logits, images, "image_logits: must have one row per image");
  batch.pictures.embeddings = vectors(image_embeddings, images, "image_embeddings: must have one row per image");
  batch.pictures.debug_pictures = held_debug.spans;
  if (segmented) {
    batch.pictures.segmentations =
        ResultSegmentations{span(*segment_splits), span(*segment_classes), span(*segment_areas),
                            span(*run_splits),     span(*run_lengths),     span(*run_segments)};
  }
  return to_bytes(batch, categories, pool);
}

}  // namespace

void bind_serialise_results(nb::module_& module) {
  module.def("serialise_results", serialise_results_numpy, nb::arg("categories"), nb::arg("frame_indices").noconvert(),
             nb::arg("image_sizes").noconvert(), nb::kw_only(), nb::arg("splits").noconvert() = nb::none(),
             nb::arg("boxes").noconvert() = nb::none(), nb::arg("scores").noconvert() = nb::none(),
             nb::arg("classes").noconvert() = nb::none(), nb::arg("polygons") = nb::none(),
             nb::arg("mask_areas").noconvert() = nb::none(), nb::arg("keypoint_splits").noconvert() = nb::none(),
             nb::arg("keypoints").noconvert() = nb::none(), nb::arg("visibilities").noconvert() = nb::none(),
             nb::arg("keypoint_scores").noconvert() = nb::none(), nb::arg("label_splits").noconvert() = nb::none(),
             nb::arg("label_classes").noconvert() = nb::none(), nb::arg("label_scores").noconvert() = nb::none(),
             nb::arg("errors") = nb::none(), nb::arg("pts").noconvert() = nb::none(),
             nb::arg("presentation_times").noconvert() = nb::none(), nb::arg("timed").noconvert() = nb::none(),
             nb::arg("message") = "FrameResult", nb::arg("progress") = nb::none(),
             nb::arg("mask_splits").noconvert() = nb::none(), nb::arg("mask_counts").noconvert() = nb::none(),
             nb::arg("track_ids").noconvert() = nb::none(), nb::arg("logits").noconvert() = nb::none(),
             nb::arg("embeddings").noconvert() = nb::none(), nb::arg("image_logits").noconvert() = nb::none(),
             nb::arg("image_embeddings").noconvert() = nb::none(), nb::arg("debug_pictures") = nb::none(),
             nb::arg("segment_splits").noconvert() = nb::none(), nb::arg("segment_classes").noconvert() = nb::none(),
             nb::arg("segment_areas").noconvert() = nb::none(), nb::arg("run_splits").noconvert() = nb::none(),
             nb::arg("run_lengths").noconvert() = nb::none(), nb::arg("run_segments").noconvert() = nb::none(),
             nb::arg("pool") = nb::none(), "The results of a batch in protobuf's wire format; see the stub.");
}

}  // namespace framecast::bindings
