#include "framecast/serialise_results.h"

#include <cstdint>
#include <limits>
#include <string>

#include "argument.h"
#include "wire_writer.h"

namespace framecast {
namespace {

// Tags by message, as in proto/framecast/v1.
struct BoxTag {
  static constexpr std::uint8_t x_min = field_tag(1, WireType::fixed32), y_min = field_tag(2, WireType::fixed32),
                                x_max = field_tag(3, WireType::fixed32), y_max = field_tag(4, WireType::fixed32);
};
struct RingTag {
  static constexpr std::uint8_t coordinates = field_tag(1, WireType::bytes);
};
struct PolygonTag {
  static constexpr std::uint8_t exterior = field_tag(1, WireType::bytes), holes = field_tag(2, WireType::bytes);
};
struct KeypointTag {
  static constexpr std::uint8_t x = field_tag(1, WireType::fixed32), y = field_tag(2, WireType::fixed32),
                                visibility = field_tag(3, WireType::varint), score = field_tag(4, WireType::fixed32);
};
struct InstanceTag {
  static constexpr std::uint8_t score = field_tag(3, WireType::fixed32), box = field_tag(4, WireType::bytes),
                                polygons = field_tag(5, WireType::bytes), mask_area = field_tag(6, WireType::varint),
                                keypoints = field_tag(7, WireType::bytes), mask = field_tag(8, WireType::bytes),
                                logits = field_tag(9, WireType::bytes), track_id = field_tag(10, WireType::varint),
                                embedding = field_tag(11, WireType::bytes);
};
struct MaskTag {
  static constexpr std::uint8_t height = field_tag(1, WireType::varint), width = field_tag(2, WireType::varint),
                                counts = field_tag(3, WireType::bytes);
};
struct SegmentTag {
  static constexpr std::uint8_t area = field_tag(3, WireType::varint);
};
struct SegmentationTag {
  static constexpr std::uint8_t height = field_tag(1, WireType::varint), width = field_tag(2, WireType::varint),
                                segments = field_tag(3, WireType::bytes), run_lengths = field_tag(4, WireType::bytes),
                                run_segments = field_tag(5, WireType::bytes);
};
struct LabelTag {
  static constexpr std::uint8_t score = field_tag(3, WireType::fixed32);
};
struct PredictionTag {
  static constexpr std::uint8_t width = field_tag(1, WireType::varint), height = field_tag(2, WireType::varint),
                                instances = field_tag(3, WireType::bytes), labels = field_tag(4, WireType::bytes),
                                logits = field_tag(5, WireType::bytes), debug_picture = field_tag(6, WireType::bytes),
                                embedding = field_tag(8, WireType::bytes), segmentation = field_tag(9, WireType::bytes);
};
struct DurationTag {
  static constexpr std::uint8_t seconds = field_tag(1, WireType::varint), nanos = field_tag(2, WireType::varint);
};
struct FrameResultTag {
  static constexpr std::uint8_t frame_index = field_tag(1, WireType::varint),
                                presentation_time = field_tag(2, WireType::bytes), pts = field_tag(3, WireType::varint),
                                prediction = field_tag(4, WireType::bytes), error = field_tag(5, WireType::bytes);
};
struct ImagesResponseTag {
  static constexpr std::uint8_t results = field_tag(1, WireType::bytes);
};
struct VideoResponseTag {
  static constexpr std::uint8_t result = field_tag(2, WireType::bytes), progress = field_tag(3, WireType::bytes);
};
/// A range of rows.
struct Rows {
  std::size_t first;
  std::size_t last;

  bool empty() const { return first == last; }
};

Rows rows_of(std::span<const std::int64_t> splits, std::size_t index) {
  return {static_cast<std::size_t>(splits[index]), static_cast<std::size_t>(splits[index + 1])};
}

bool has_time(const ResultFrames& frames, std::size_t image) {
  return !frames.presentation_times.empty() && (frames.timed.empty() || frames.timed[image] != 0);
}

bool has(std::span<const SerialisedMessage> messages, std::size_t image) {
  return !messages.empty() && messages[image].has_value();
}

// --- the sizes ------------------------------------------------------------------------------------------------------

std::size_t ring_size(const ResultPolygons& polygons, std::size_t ring) {
  const Rows points = rows_of(polygons.ring_splits, ring);
  return points.empty() ? 0 : bytes_field_size((points.last - points.first) * sizeof(Point));
}

std::size_t polygon_size(const ResultPolygons& polygons, std::size_t part) {
  const Rows rings = rows_of(polygons.part_splits, part);
  std::size_t size = 0;
  for (std::size_t ring = rings.first; ring < rings.last; ++ring) size += bytes_field_size(ring_size(polygons, ring));
  return size;
}

std::size_t keypoint_size(const ResultKeypoints& keypoints, std::size_t point) {
  return float_field_size(keypoints.points[point].x) + float_field_size(keypoints.points[point].y) +
         (keypoints.visibilities.empty() ? 0 : int_field_size(keypoints.visibilities[point])) +
         (keypoints.scores.empty() ? 0 : 5);
}

/// An image's pixels.
struct Size {
  std::int32_t height;
  std::int32_t width;
};

Size size_of(const ResultFrames& frames, std::size_t image) {
  return {frames.image_sizes[2 * image], frames.image_sizes[2 * image + 1]};
}

template <typename T>
std::span<const T> part_of(std::span<const T> values, Rows rows) {
  return values.subspan(rows.first, rows.last - rows.first);
}

std::size_t vector_size(const ResultVectors& vectors) { return packed_field_size(vectors.length * sizeof(float)); }

std::size_t mask_size(const ResultMasks& masks, std::size_t row, Size image) {
  const auto counts = part_of(masks.counts, rows_of(masks.splits, row));
  if (counts.empty()) return 0;
  return bytes_field_size(int_field_size(image.height) + int_field_size(image.width) +
                          packed_field_size(packed_size(counts)));
}

std::size_t segment_size(const ResultSegmentations& maps, const CategoryTable& categories, std::size_t segment) {
  return categories.fields(static_cast<std::size_t>(maps.classes[segment])).size() +
         int_field_size(maps.areas[segment]);
}

std::size_t segmentation_size(const ResultSegmentations& maps, const CategoryTable& categories, std::size_t image,
                              Size pixels) {
  const Rows runs = rows_of(maps.run_splits, image);
  if (runs.empty()) return 0;
  std::size_t size = int_field_size(pixels.height) + int_field_size(pixels.width);
  const Rows segments = rows_of(maps.splits, image);
  for (std::size_t segment = segments.first; segment < segments.last; ++segment) {
    size += bytes_field_size(segment_size(maps, categories, segment));
  }
  size += packed_field_size(packed_size(part_of(maps.lengths, runs))) +
          packed_field_size(packed_size(part_of(maps.run_segments, runs)));
  return bytes_field_size(size);
}

std::size_t instance_size(const ResultInstances& instances, const CategoryTable& categories, std::size_t row,
                          Size image) {
  const Box& box = instances.boxes[row];
  const std::size_t box_size =
      float_field_size(box.x1) + float_field_size(box.y1) + float_field_size(box.x2) + float_field_size(box.y2);
  std::size_t size = categories.fields(static_cast<std::size_t>(instances.classes[row])).size() +
                     float_field_size(instances.scores[row]) + bytes_field_size(box_size);
  if (instances.polygons) {
    const Rows parts = rows_of(instances.polygons->instance_splits, row);
    for (std::size_t part = parts.first; part < parts.last; ++part) {
      size += bytes_field_size(polygon_size(*instances.polygons, part));
    }
  }
  if (!instances.mask_areas.empty()) size += int_field_size(instances.mask_areas[row]);
  if (instances.keypoints) {
    const Rows points = rows_of(instances.keypoints->splits, row);
    for (std::size_t point = points.first; point < points.last; ++point) {
      size += bytes_field_size(keypoint_size(*instances.keypoints, point));
    }
  }
  if (instances.masks) size += mask_size(*instances.masks, row, image);
  size += vector_size(instances.logits) + vector_size(instances.embeddings);
  if (!instances.track_ids.empty()) size += int_field_size(instances.track_ids[row]);
  return size;
}

void require_wire_size(std::size_t size) { require(size <= kMostWireBytes, "splits: a message must be below 2 GiB"); }

std::size_t prediction_size(const ResultBatch& batch, const CategoryTable& categories, std::size_t image) {
  const Size pixels = size_of(batch.frames, image);
  std::size_t size = int_field_size(pixels.width) + int_field_size(pixels.height);
  if (batch.instances) {
    const Rows rows = rows_of(batch.instances->splits, image);
    for (std::size_t row = rows.first; row < rows.last; ++row) {
      size += bytes_field_size(instance_size(*batch.instances, categories, row, pixels));
      require_wire_size(size);
    }
  }
  if (batch.labels) {
    const Rows rows = rows_of(batch.labels->splits, image);
    for (std::size_t row = rows.first; row < rows.last; ++row) {
      const auto fields = categories.fields(static_cast<std::size_t>(batch.labels->classes[row]));
      size += bytes_field_size(fields.size() + float_field_size(batch.labels->scores[row]));
      require_wire_size(size);
    }
  }
  const ResultPictures& pictures = batch.pictures;
  size += vector_size(pictures.logits) + vector_size(pictures.embeddings);
  if (has(pictures.debug_pictures, image)) size += bytes_field_size(pictures.debug_pictures[image]->size());
  if (pictures.segmentations) size += segmentation_size(*pictures.segmentations, categories, image, pixels);
  require_wire_size(size);
  return size;
}

std::size_t message_size(const ResultBatch& batch, const CategoryTable& categories, std::size_t image) {
  const ResultFrames& frames = batch.frames;
  std::size_t size = int_field_size(frames.frame_indices[image]);
  if (has_time(frames, image)) {
    const PresentationTime& time = frames.presentation_times[image];
    size += bytes_field_size(int_field_size(time.seconds) + int_field_size(time.nanos));
  }
  if (!frames.pts.empty()) size += int_field_size(frames.pts[image]);
  size += bytes_field_size(has(frames.errors, image) ? frames.errors[image]->size()
                                                     : prediction_size(batch, categories, image));
  if (batch.message != ResultMessage::frame_result) size = bytes_field_size(size);
  if (has(frames.progress, image)) size += bytes_field_size(frames.progress[image]->size());
  require_wire_size(size);
  return size;
}

// --- the bytes, last to first ---------------------------------------------------------------------------------------

void write_message(std::uint8_t tag, std::span<const std::uint8_t> message, WireWriter& writer) {
  writer.bytes(message.data(), message.size());
  writer.length(tag, message.size());
}

void write_box(const Box& box, WireWriter& writer) {
  writer.float_field(BoxTag::y_max, box.y2);
  writer.float_field(BoxTag::x_max, box.x2);
  writer.float_field(BoxTag::y_min, box.y1);
  writer.float_field(BoxTag::x_min, box.x1);
}

void write_ring(const ResultPolygons& polygons, std::size_t ring, WireWriter& writer) {
  const Rows points = rows_of(polygons.ring_splits, ring);
  if (points.empty()) return;
  const std::size_t size = (points.last - points.first) * sizeof(Point);
  writer.bytes(polygons.points.data() + points.first, size);
  writer.length(RingTag::coordinates, size);
}

void write_polygon(const ResultPolygons& polygons, std::size_t part, WireWriter& writer) {
  const Rows rings = rows_of(polygons.part_splits, part);
  for (std::size_t ring = rings.last; ring-- > rings.first;) {
    const std::size_t end = writer.left();
    write_ring(polygons, ring, writer);
    writer.length(ring == rings.first ? PolygonTag::exterior : PolygonTag::holes, end - writer.left());
  }
}

void write_keypoint(const ResultKeypoints& keypoints, std::size_t point, WireWriter& writer) {
  if (!keypoints.scores.empty()) writer.present_float_field(KeypointTag::score, keypoints.scores[point]);
  if (!keypoints.visibilities.empty()) writer.int_field(KeypointTag::visibility, keypoints.visibilities[point]);
  writer.float_field(KeypointTag::y, keypoints.points[point].y);
  writer.float_field(KeypointTag::x, keypoints.points[point].x);
}

void write_mask(const ResultMasks& masks, std::size_t row, Size image, WireWriter& writer) {
  const auto counts = part_of(masks.counts, rows_of(masks.splits, row));
  if (counts.empty()) return;
  const std::size_t end = writer.left();
  writer.packed_field(MaskTag::counts, counts);
  writer.int_field(MaskTag::width, image.width);
  writer.int_field(MaskTag::height, image.height);
  writer.length(InstanceTag::mask, end - writer.left());
}

void write_segmentation(const ResultSegmentations& maps, const CategoryTable& categories, std::size_t image,
                        Size pixels, WireWriter& writer) {
  const Rows runs = rows_of(maps.run_splits, image);
  if (runs.empty()) return;
  const std::size_t end = writer.left();
  writer.packed_field(SegmentationTag::run_segments, part_of(maps.run_segments, runs));
  writer.packed_field(SegmentationTag::run_lengths, part_of(maps.lengths, runs));
  const Rows segments = rows_of(maps.splits, image);
  for (std::size_t segment = segments.last; segment-- > segments.first;) {
    const std::size_t segment_end = writer.left();
    writer.int_field(SegmentTag::area, maps.areas[segment]);
    const auto fields = categories.fields(static_cast<std::size_t>(maps.classes[segment]));
    writer.bytes(fields.data(), fields.size());
    writer.length(SegmentationTag::segments, segment_end - writer.left());
  }
  writer.int_field(SegmentationTag::width, pixels.width);
  writer.int_field(SegmentationTag::height, pixels.height);
  writer.length(PredictionTag::segmentation, end - writer.left());
}

void write_instance(const ResultInstances& instances, const CategoryTable& categories, std::size_t row, Size image,
                    WireWriter& writer) {
  writer.packed_field(InstanceTag::embedding, instances.embeddings.row(row));
  if (!instances.track_ids.empty()) writer.int_field(InstanceTag::track_id, instances.track_ids[row]);
  writer.packed_field(InstanceTag::logits, instances.logits.row(row));
  if (instances.masks) write_mask(*instances.masks, row, image, writer);
  if (instances.keypoints) {
    const Rows points = rows_of(instances.keypoints->splits, row);
    for (std::size_t point = points.last; point-- > points.first;) {
      const std::size_t end = writer.left();
      write_keypoint(*instances.keypoints, point, writer);
      writer.length(InstanceTag::keypoints, end - writer.left());
    }
  }
  if (!instances.mask_areas.empty()) writer.int_field(InstanceTag::mask_area, instances.mask_areas[row]);
  if (instances.polygons) {
    const Rows parts = rows_of(instances.polygons->instance_splits, row);
    for (std::size_t part = parts.last; part-- > parts.first;) {
      const std::size_t end = writer.left();
      write_polygon(*instances.polygons, part, writer);
      writer.length(InstanceTag::polygons, end - writer.left());
    }
  }
  const std::size_t end = writer.left();
  write_box(instances.boxes[row], writer);
  writer.length(InstanceTag::box, end - writer.left());
  writer.float_field(InstanceTag::score, instances.scores[row]);
  const auto fields = categories.fields(static_cast<std::size_t>(instances.classes[row]));
  writer.bytes(fields.data(), fields.size());
}

void write_prediction(const ResultBatch& batch, const CategoryTable& categories, std::size_t image,
                      WireWriter& writer) {
  const Size pixels = size_of(batch.frames, image);
  const ResultPictures& pictures = batch.pictures;
  if (pictures.segmentations) write_segmentation(*pictures.segmentations, categories, image, pixels, writer);
  writer.packed_field(PredictionTag::embedding, pictures.embeddings.row(image));
  if (has(pictures.debug_pictures, image)) {
    write_message(PredictionTag::debug_picture, *pictures.debug_pictures[image], writer);
  }
  writer.packed_field(PredictionTag::logits, pictures.logits.row(image));
  if (batch.labels) {
    const Rows rows = rows_of(batch.labels->splits, image);
    for (std::size_t row = rows.last; row-- > rows.first;) {
      const std::size_t end = writer.left();
      writer.float_field(LabelTag::score, batch.labels->scores[row]);
      const auto fields = categories.fields(static_cast<std::size_t>(batch.labels->classes[row]));
      writer.bytes(fields.data(), fields.size());
      writer.length(PredictionTag::labels, end - writer.left());
    }
  }
  if (batch.instances) {
    const Rows rows = rows_of(batch.instances->splits, image);
    for (std::size_t row = rows.last; row-- > rows.first;) {
      const std::size_t end = writer.left();
      write_instance(*batch.instances, categories, row, pixels, writer);
      writer.length(PredictionTag::instances, end - writer.left());
    }
  }
  writer.int_field(PredictionTag::height, pixels.height);
  writer.int_field(PredictionTag::width, pixels.width);
}

void write_frame_result(const ResultBatch& batch, const CategoryTable& categories, std::size_t image,
                        WireWriter& writer) {
  const ResultFrames& frames = batch.frames;
  std::size_t end = writer.left();
  if (has(frames.errors, image)) {
    write_message(FrameResultTag::error, *frames.errors[image], writer);
  } else {
    write_prediction(batch, categories, image, writer);
    writer.length(FrameResultTag::prediction, end - writer.left());
  }
  if (!frames.pts.empty()) writer.int_field(FrameResultTag::pts, frames.pts[image]);
  if (has_time(frames, image)) {
    end = writer.left();
    writer.int_field(DurationTag::nanos, frames.presentation_times[image].nanos);
    writer.int_field(DurationTag::seconds, frames.presentation_times[image].seconds);
    writer.length(FrameResultTag::presentation_time, end - writer.left());
  }
  writer.int_field(FrameResultTag::frame_index, frames.frame_indices[image]);
}

void write_response(const ResultBatch& batch, const CategoryTable& categories, std::size_t image, WireWriter& writer) {
  if (has(batch.frames.progress, image)) {
    write_message(VideoResponseTag::progress, *batch.frames.progress[image], writer);
  }
  const std::size_t end = writer.left();
  write_frame_result(batch, categories, image, writer);
  if (batch.message == ResultMessage::predict_images_response) {
    writer.length(ImagesResponseTag::results, end - writer.left());
  } else if (batch.message == ResultMessage::predict_video_response) {
    writer.length(VideoResponseTag::result, end - writer.left());
  }
}

// --- the arguments --------------------------------------------------------------------------------------------------

/// The length of an array that may be left out.
void require_entries(std::size_t size, std::size_t count, const char* message) {
  require(size == 0 || size == count, message);
}

void require_classes(std::span<const std::int32_t> classes, const CategoryTable& categories, const char* message) {
  const auto count = static_cast<std::uint32_t>(
      std::min<std::size_t>(categories.size(), static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max())));
  bool ok = true;
  for (std::int32_t value : classes) ok &= static_cast<std::uint32_t>(value) < count;
  require(ok, message);
}

void check_frames(const ResultFrames& frames, ResultMessage message) {
  const std::size_t images = frames.frame_indices.size();
  require(frames.image_sizes.size() == 2 * images, "image_sizes: must have one row per image");
  require_entries(frames.pts.size(), images, "pts: must have one entry per image");
  require_entries(frames.presentation_times.size(), images, "presentation_times: must have one row per image");
  require_entries(frames.timed.size(), images, "timed: must have one entry per image");
  require_entries(frames.errors.size(), images, "errors: must have one entry per image");
  require_entries(frames.progress.size(), images, "progress: must have one row per image");
  require(frames.progress.empty() || message == ResultMessage::predict_video_response,
          "progress: is part of PredictVideoResponse alone");
  for (const PresentationTime& time : frames.presentation_times) {
    require(time.nanos == static_cast<std::int32_t>(time.nanos), "presentation_times: nanos must fit int32");
  }
}

void check_polygons(const ResultPolygons& polygons, std::size_t instances) {
  require(polygons.instance_splits.size() == instances + 1, "polygons: must have one entry per box");
  require(!polygons.ring_splits.empty() && !polygons.part_splits.empty(), "polygons: must have offsets");
  require_splits(polygons.ring_splits, polygons.points.size(), "polygons.ring_splits");
  require_splits(polygons.part_splits, polygons.ring_splits.size() - 1, "polygons.part_splits");
  require_splits(polygons.instance_splits, polygons.part_splits.size() - 1, "polygons.instance_splits");
}

/// Values of `rows` rows, where there are any.
void require_vectors(const ResultVectors& vectors, std::size_t rows, const char* message) {
  require(vectors.length == 0
              ? vectors.values.empty()
              : vectors.values.size() % vectors.length == 0 && vectors.values.size() / vectors.length == rows,
          message);
}

void check_instances(const ResultInstances& instances, const CategoryTable& categories, std::size_t images) {
  const std::size_t count = instances.boxes.size();
  require(instances.splits.size() == images + 1, "splits: must have one entry per image and one more");
  require_splits(instances.splits, count, "splits");
  require(instances.scores.size() == count, "scores: must have one entry per box");
  require(instances.classes.size() == count, "classes: must have one entry per box");
  require_classes(instances.classes, categories, "classes: must be rows of categories");
  require_entries(instances.mask_areas.size(), count, "mask_areas: must have one entry per box");
  if (instances.polygons) check_polygons(*instances.polygons, count);
  if (instances.keypoints) {
    const std::size_t points = instances.keypoints->points.size();
    require(instances.keypoints->splits.size() == count + 1,
            "keypoint_splits: must have one entry per box and one more");
    require_splits(instances.keypoints->splits, points, "keypoint_splits");
    require_entries(instances.keypoints->visibilities.size(), points, "visibilities: must have one entry per keypoint");
    require_entries(instances.keypoints->scores.size(), points, "keypoint_scores: must have one entry per keypoint");
  }
  if (instances.masks) {
    require(instances.masks->splits.size() == count + 1, "mask_splits: must have one entry per box and one more");
    require_splits(instances.masks->splits, instances.masks->counts.size(), "mask_splits");
  }
  require_entries(instances.track_ids.size(), count, "track_ids: must have one entry per box");
  require_vectors(instances.logits, count, "logits: must have one row per box");
  require_vectors(instances.embeddings, count, "embeddings: must have one row per box");
}

void check_labels(const ResultLabels& labels, const CategoryTable& categories, std::size_t images) {
  require(labels.splits.size() == images + 1, "label_splits: must have one entry per image and one more");
  require_splits(labels.splits, labels.classes.size(), "label_splits");
  require(labels.scores.size() == labels.classes.size(), "label_scores: must have one entry per label");
  require_classes(labels.classes, categories, "label_classes: must be rows of categories");
}

void check_segmentations(const ResultSegmentations& maps, const CategoryTable& categories, std::size_t images) {
  require(maps.splits.size() == images + 1, "segment_splits: must have one entry per image and one more");
  require_splits(maps.splits, maps.classes.size(), "segment_splits");
  require_classes(maps.classes, categories, "segment_classes: must be rows of categories");
  require(maps.areas.size() == maps.classes.size(), "segment_areas: must have one entry per segment");
  require(maps.run_splits.size() == images + 1, "run_splits: must have one entry per image and one more");
  require_splits(maps.run_splits, maps.lengths.size(), "run_splits");
  require(maps.run_segments.size() == maps.lengths.size(), "run_segments: must have one entry per run");
  for (std::size_t image = 0; image < images; ++image) {
    const Rows segments = rows_of(maps.splits, image);
    bool ok = true;
    for (std::uint32_t segment : part_of(maps.run_segments, rows_of(maps.run_splits, image))) {
      ok &= segment <= segments.last - segments.first;
    }
    require(ok, "run_segments: must be segments of their image, counted from 1, or 0");
  }
}

void check_pictures(const ResultPictures& pictures, const CategoryTable& categories, std::size_t images) {
  require_vectors(pictures.logits, images, "image_logits: must have one row per image");
  require_vectors(pictures.embeddings, images, "image_embeddings: must have one row per image");
  require_entries(pictures.debug_pictures.size(), images, "debug_pictures: must have one entry per image");
  for (const SerialisedMessage& picture : pictures.debug_pictures) {
    require(!picture || picture->size() <= kMostWireBytes, "debug_pictures: must be shorter than 2 GiB");
  }
  if (pictures.segmentations) check_segmentations(*pictures.segmentations, categories, images);
}

void check(const ResultBatch& batch, const CategoryTable& categories) {
  const std::size_t images = batch.frames.frame_indices.size();
  check_frames(batch.frames, batch.message);
  if (batch.instances) check_instances(*batch.instances, categories, images);
  if (batch.labels) check_labels(*batch.labels, categories, images);
  check_pictures(batch.pictures, categories, images);
  for (std::size_t image = 0; image < images; ++image) {
    if (has(batch.frames.progress, image)) {
      require(batch.frames.progress[image]->size() <= kMostWireBytes, "progress: must be shorter than 2 GiB");
    }
    if (!has(batch.frames.errors, image)) continue;
    require(batch.frames.errors[image]->size() <= kMostWireBytes, "errors: must be shorter than 2 GiB");
    require(!batch.instances || rows_of(batch.instances->splits, image).empty(),
            "errors: an image with an error must have no boxes");
    require(!batch.labels || rows_of(batch.labels->splits, image).empty(),
            "errors: an image with an error must have no labels");
    require(!batch.pictures.segmentations || rows_of(batch.pictures.segmentations->run_splits, image).empty(),
            "errors: an image with an error must have no runs");
  }
}

}  // namespace

void measure_results(const ResultBatch& batch, const CategoryTable& categories, std::span<std::size_t> sizes,
                     ThreadPool* pool) {
  check(batch, categories);
  const std::size_t images = batch.frames.frame_indices.size();
  require(sizes.size() == images, "sizes: must have one entry per image");
  run(pool, images, [&](std::size_t image, std::size_t) { sizes[image] = message_size(batch, categories, image); });
}

void serialise_results(const ResultBatch& batch, const CategoryTable& categories,
                       std::span<const std::span<std::uint8_t>> out, ThreadPool* pool) {
  check(batch, categories);
  const std::size_t images = batch.frames.frame_indices.size();
  require(out.size() == images, "out: must have one entry per image");
  run(pool, images, [&](std::size_t image, std::size_t) {
    WireWriter writer(out[image]);
    try {
      write_response(batch, categories, image, writer);
    } catch (const std::length_error&) {
      require(false, "out: must have the size of the message");
    }
    require(writer.left() == 0, "out: must have the size of the message");
  });
}

}  // namespace framecast
