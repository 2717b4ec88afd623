#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "framecast/serialise_results.h"
#include "fuzz_input.h"

namespace {

using framecast::ResultMessage;

/// Reads one message of the wire: fields must rise in number, lengths must end where the message does.
class Walker {
 public:
  explicit Walker(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}

  /// The next field, or 0 at the end.
  unsigned next() {
    if (at_ == bytes_.size()) return 0;
    const std::uint64_t tag = varint();
    const auto number = static_cast<unsigned>(tag >> 3);
    FUZZ_CHECK(number >= number_ && number < 16);
    number_ = number;
    type_ = static_cast<unsigned>(tag & 7);
    return number;
  }

  std::uint64_t whole() {
    FUZZ_CHECK(type_ == 0);
    const std::uint64_t value = varint();
    FUZZ_CHECK(value != 0);
    return value;
  }

  void real(bool may_be_zero = false) {
    FUZZ_CHECK(type_ == 5 && bytes_.size() - at_ >= 4);
    std::uint32_t bits;
    std::memcpy(&bits, bytes_.data() + at_, 4);
    FUZZ_CHECK(may_be_zero || bits != 0);
    at_ += 4;
  }

  std::span<const std::uint8_t> nested() {
    FUZZ_CHECK(type_ == 2);
    const std::uint64_t size = varint();
    FUZZ_CHECK(size <= bytes_.size() - at_);
    at_ += size;
    return bytes_.subspan(at_ - size, size);
  }

 private:
  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 70; shift += 7) {
      FUZZ_CHECK(at_ < bytes_.size());
      const std::uint8_t byte = bytes_[at_++];
      value |= std::uint64_t{byte & 127u} << shift;
      if (byte < 128) {
        FUZZ_CHECK(shift == 0 || byte != 0);  // The shortest form.
        return value;
      }
    }
    FUZZ_CHECK(false);
    return 0;
  }

  std::span<const std::uint8_t> bytes_;
  std::size_t at_ = 0;
  unsigned number_ = 0;
  unsigned type_ = 0;
};

/// What was found in a message.
struct Counts {
  std::size_t instances = 0, labels = 0, parts = 0, rings = 0, coordinates = 0, keypoints = 0;
  std::size_t mask_counts = 0, floats = 0, segments = 0, runs = 0, debug_pictures = 0;
};

void walk_wholes(std::span<const std::uint8_t> bytes) {
  for (Walker walker(bytes); walker.next() != 0;) walker.whole();
}

void walk_reals(std::span<const std::uint8_t> bytes) {
  for (Walker walker(bytes); walker.next() != 0;) walker.real();
}

void walk_polygon(std::span<const std::uint8_t> bytes, Counts& counts) {
  bool first = true;
  for (Walker walker(bytes); const unsigned number = walker.next();) {
    FUZZ_CHECK(number == (first ? 1 : 2));
    first = false;
    ++counts.rings;
    Walker ring(walker.nested());
    if (ring.next() == 0) continue;
    const auto coordinates = ring.nested();
    FUZZ_CHECK(!coordinates.empty() && coordinates.size() % 8 == 0 && ring.next() == 0);
    counts.coordinates += coordinates.size() / 4;
  }
}

void walk_keypoint(std::span<const std::uint8_t> bytes, bool scored) {
  bool seen = false;
  for (Walker walker(bytes); const unsigned number = walker.next();) {
    number == 3 ? static_cast<void>(walker.whole()) : walker.real(number == 4);
    seen |= number == 4;
  }
  FUZZ_CHECK(seen == scored);
}

/// A packed field of uint32: how many values it has.
std::size_t walk_packed(std::span<const std::uint8_t> bytes) {
  FUZZ_CHECK(!bytes.empty() && bytes.back() < 128);
  std::size_t values = 0;
  for (const std::uint8_t byte : bytes) values += byte < 128;
  return values;
}

/// A packed field of floats: how many values it has.
std::size_t walk_floats(std::span<const std::uint8_t> bytes) {
  FUZZ_CHECK(!bytes.empty() && bytes.size() % 4 == 0);
  return bytes.size() / 4;
}

void walk_mask(std::span<const std::uint8_t> bytes, Counts& counts) {
  for (Walker walker(bytes); const unsigned number = walker.next();) {
    if (number <= 2) walker.whole();
    if (number == 3) counts.mask_counts += walk_packed(walker.nested());
    FUZZ_CHECK(number <= 3);
  }
}

void walk_segmentation(std::span<const std::uint8_t> bytes, Counts& counts) {
  std::size_t lengths = 0, segments = 0;
  for (Walker walker(bytes); const unsigned number = walker.next();) {
    if (number <= 2) walker.whole();
    if (number == 3) walker.nested(), ++counts.segments;
    if (number == 4) lengths = walk_packed(walker.nested());
    if (number == 5) segments = walk_packed(walker.nested());
    FUZZ_CHECK(number <= 5);
  }
  FUZZ_CHECK(lengths > 0 && lengths == segments);
  counts.runs += lengths;
}

void walk_instance(std::span<const std::uint8_t> bytes, bool scored, Counts& counts) {
  ++counts.instances;
  bool boxed = false;
  for (Walker walker(bytes); const unsigned number = walker.next();) {
    if (number == 1 || number == 6 || number == 10) walker.whole();
    if (number == 2) FUZZ_CHECK(!walker.nested().empty());
    if (number == 3) walker.real();
    if (number == 4) walk_reals(walker.nested());
    if (number == 5) walk_polygon(walker.nested(), counts), ++counts.parts;
    if (number == 7) walk_keypoint(walker.nested(), scored), ++counts.keypoints;
    if (number == 8) walk_mask(walker.nested(), counts);
    if (number == 9 || number == 11) counts.floats += walk_floats(walker.nested());
    boxed |= number == 4;
  }
  FUZZ_CHECK(boxed);
}

void walk_prediction(std::span<const std::uint8_t> bytes, bool scored, Counts& counts) {
  for (Walker walker(bytes); const unsigned number = walker.next();) {
    if (number <= 2) walker.whole();
    if (number == 3) walk_instance(walker.nested(), scored, counts);
    if (number == 4) walker.nested(), ++counts.labels;
    if (number == 5 || number == 8) counts.floats += walk_floats(walker.nested());
    if (number == 6) walker.nested(), ++counts.debug_pictures;
    if (number == 9) walk_segmentation(walker.nested(), counts);
    FUZZ_CHECK(number != 7 && number <= 9);
  }
}

std::int64_t add_rows(FuzzInput& input, std::vector<std::int64_t>& splits, std::int64_t most) {
  const auto count = input.in_range<std::int64_t>(0, most);
  splits.push_back(splits.back() + count);
  return count;
}

}  // namespace

// Any values in arrays that fit together: the sizes are those written, and what is written is a message of the wire
// with as many of everything, from instances to values of logits, as were given.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  FuzzInput input(data, size);
  const std::string long_name(input.in_range<std::size_t>(0, 300), 'n');
  const std::string_view names[] = {"", "car", long_name};
  const std::int32_t ids[] = {0, 1, input.take<std::int32_t>()};
  const framecast::CategoryTable table(ids, names);

  const auto images = input.in_range<std::size_t>(0, 3);
  const bool with_polygons = input.flag(), with_keypoints = input.flag(), scored = input.flag(), areas = input.flag();
  const bool with_masks = input.flag(), tracked = input.flag(), segmented = input.flag(), pictured = input.flag();
  const auto logit_length = input.in_range<std::size_t>(0, 3), embedding_length = input.in_range<std::size_t>(0, 40);
  std::vector<std::int64_t> frame_indices, pts, splits{0}, label_splits{0}, mask_areas;
  std::vector<std::int64_t> instance_splits{0}, part_splits{0}, ring_splits{0}, keypoint_splits{0};
  std::vector<std::int32_t> sizes, classes, label_classes, visibilities;
  std::vector<framecast::PresentationTime> times;
  std::vector<framecast::SerialisedMessage> progress;
  std::vector<framecast::SerialisedMessage> errors, debug_pictures;
  std::vector<std::int64_t> mask_splits{0}, track_ids, segment_splits{0}, segment_areas, run_splits{0};
  std::vector<std::uint32_t> mask_counts, run_lengths, run_segments;
  std::vector<std::int32_t> segment_classes;
  std::size_t segments_written = 0, pictures_written = 0, predictions = 0;
  std::vector<framecast::Box> boxes;
  std::vector<std::uint8_t> timed;
  const auto message = static_cast<ResultMessage>(input.in_range<std::uint8_t>(0, 2));
  for (std::size_t image = 0; image < images; ++image) {
    frame_indices.push_back(input.take<std::int64_t>());
    pts.push_back(input.take<std::int8_t>());
    sizes.push_back(input.take<std::int16_t>());
    sizes.push_back(input.take<std::int32_t>());
    times.push_back({input.take<std::int64_t>(), input.take<std::int32_t>()});
    timed.push_back(input.flag());
    if (message == ResultMessage::predict_video_response) {
      progress.emplace_back();
      if (input.flag()) progress.back() = std::span(data, std::min<std::size_t>(size, 150));
    }
    const bool fails = input.in_range<int>(0, 7) == 0;
    errors.emplace_back();
    if (fails) errors.back() = std::span(data, std::min<std::size_t>(size, 200));
    add_rows(input, splits, fails ? 0 : 9);
    add_rows(input, label_splits, fails ? 0 : 3);
    const auto segments = add_rows(input, segment_splits, fails ? 0 : 3);
    const auto runs = add_rows(input, run_splits, fails ? 0 : 20);
    for (std::int64_t run = 0; run < runs; ++run) {
      run_lengths.push_back(input.take<std::uint32_t>());
      run_segments.push_back(static_cast<std::uint32_t>(input.in_range<std::int64_t>(0, segments)));
    }
    if (runs > 0) segments_written += static_cast<std::size_t>(segments);
    if (pictured) debug_pictures.emplace_back();
    if (pictured && input.flag()) debug_pictures.back() = std::span(data, std::min<std::size_t>(size, 140));
    if (pictured && debug_pictures.back() && !fails) ++pictures_written;
    predictions += !fails;
  }
  for (std::int64_t row = 0; row < segment_splits.back(); ++row) {
    segment_classes.push_back(input.in_range<std::int32_t>(0, 2));
    segment_areas.push_back(input.take<std::int32_t>());
  }
  for (std::int64_t row = 0; row < splits.back(); ++row) {
    boxes.push_back({input.number(), input.number(), input.number(), input.number()});
    classes.push_back(input.in_range<std::int32_t>(0, 2));
    if (areas) mask_areas.push_back(input.take<std::int32_t>());
    add_rows(input, keypoint_splits, 5);
    if (tracked) track_ids.push_back(input.take<std::int16_t>());
    for (std::int64_t left = add_rows(input, mask_splits, 6); left > 0; --left) {
      mask_counts.push_back(input.take<std::uint32_t>());
    }
    for (std::int64_t parts = add_rows(input, instance_splits, 2); parts > 0; --parts) {
      for (std::int64_t rings = add_rows(input, part_splits, 3); rings > 0; --rings) add_rows(input, ring_splits, 40);
    }
  }
  const std::vector<float> scores = input.numbers(boxes.size());
  std::vector<framecast::Point> points(static_cast<std::size_t>(ring_splits.back()));
  for (auto& point : points) point = {input.number(), input.number()};
  std::vector<framecast::Point> keypoints(static_cast<std::size_t>(keypoint_splits.back()));
  for (auto& point : keypoints) point = {input.number(), input.number()};
  for (std::size_t i = 0; i < keypoints.size(); ++i) visibilities.push_back(input.take<std::int8_t>());
  const std::vector<float> keypoint_scores = input.numbers(scored ? keypoints.size() : 0);
  const std::vector<float> label_scores = input.numbers(static_cast<std::size_t>(label_splits.back()));
  for (std::size_t i = 0; i < label_scores.size(); ++i) label_classes.push_back(input.in_range<std::int32_t>(0, 2));

  framecast::ResultBatch batch;
  batch.frames = {frame_indices, sizes, pts, times, timed, errors, progress};
  batch.message = message;
  framecast::ResultInstances& instances = batch.instances.emplace();
  instances.splits = splits;
  instances.boxes = boxes;
  instances.scores = scores;
  instances.classes = classes;
  instances.mask_areas = mask_areas;
  if (with_polygons) instances.polygons = {points, ring_splits, part_splits, instance_splits};
  if (with_keypoints) instances.keypoints = {keypoint_splits, keypoints, visibilities, keypoint_scores};
  batch.labels = framecast::ResultLabels{label_splits, label_classes, label_scores};
  const std::vector<float> logits = input.numbers(boxes.size() * logit_length);
  const std::vector<float> embeddings = input.numbers(boxes.size() * embedding_length);
  const std::vector<float> image_logits = input.numbers(images * logit_length);
  const std::vector<float> image_embeddings = input.numbers(images * embedding_length);
  if (with_masks) instances.masks = {mask_splits, mask_counts};
  instances.track_ids = track_ids;
  instances.logits = {logits, logit_length};
  instances.embeddings = {embeddings, embedding_length};
  batch.pictures = {{image_logits, logit_length}, {image_embeddings, embedding_length}, debug_pictures, std::nullopt};
  if (segmented) {
    batch.pictures.segmentations = {segment_splits, segment_classes, segment_areas,
                                    run_splits,     run_lengths,     run_segments};
  }

  std::vector<std::size_t> lengths(images);
  framecast::measure_results(batch, table, lengths);
  std::vector<std::vector<std::uint8_t>> messages;
  for (std::size_t length : lengths) messages.emplace_back(length);
  const std::vector<std::span<std::uint8_t>> out(messages.begin(), messages.end());
  framecast::serialise_results(batch, table, out);  // Throws where a message is not as long as it was measured.

  Counts counts;
  for (std::size_t image = 0; image < images; ++image) {
    std::span<const std::uint8_t> bytes = messages[image];
    if (message != ResultMessage::frame_result) {
      Walker wrapper(bytes);
      FUZZ_CHECK(wrapper.next() == (message == ResultMessage::predict_images_response ? 1 : 2));
      bytes = wrapper.nested();
      if (!progress.empty() && progress[image]) {
        FUZZ_CHECK(wrapper.next() == 3 && wrapper.nested().size() == progress[image]->size());
      }
      FUZZ_CHECK(wrapper.next() == 0);
    }
    unsigned outcome = 0;
    for (Walker walker(bytes); const unsigned number = walker.next();) {
      if (number == 1 || number == 3) walker.whole();
      if (number == 2) walk_wholes(walker.nested());
      if (number == 4) walk_prediction(walker.nested(), scored, counts);
      if (number == 5) FUZZ_CHECK(walker.nested().size() == errors[image]->size());
      outcome = number;
    }
    FUZZ_CHECK(outcome == (errors[image] ? 5 : 4));
  }
  FUZZ_CHECK(counts.instances == boxes.size() && counts.labels == label_scores.size());
  FUZZ_CHECK(counts.parts == (with_polygons ? part_splits.size() - 1 : 0));
  FUZZ_CHECK(counts.rings == (with_polygons ? ring_splits.size() - 1 : 0));
  FUZZ_CHECK(counts.coordinates == (with_polygons ? 2 * points.size() : 0));
  FUZZ_CHECK(counts.keypoints == (with_keypoints ? keypoints.size() : 0));
  FUZZ_CHECK(counts.mask_counts == (with_masks ? mask_counts.size() : 0));
  FUZZ_CHECK(counts.floats == (boxes.size() + predictions) * (logit_length + embedding_length));
  FUZZ_CHECK(counts.segments == (segmented ? segments_written : 0));
  FUZZ_CHECK(counts.runs == (segmented ? run_lengths.size() : 0));
  FUZZ_CHECK(counts.debug_pictures == pictures_written);
  return 0;
}
