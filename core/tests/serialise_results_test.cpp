#include "framecast/serialise_results.h"

#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>
#include <utility>

#include "allocations.h"
#include "check.h"
#include "random.h"
#include "wire_writer.h"

using framecast::Box;
using framecast::CategoryTable;
using framecast::Point;
using framecast::ResultBatch;
using framecast::ResultMessage;
using framecast::ThreadPool;

namespace {

const std::string_view kNames[] = {"", "car", "a name that is longer than the others, by far"};
const std::int32_t kIds[] = {0, -1, 300};
constexpr std::uint8_t kProgress[] = {8, 1, 16, 2};
constexpr std::uint8_t kDebugPicture[] = {10, 2, 255, 216};

/// The arrays of a batch, and the batch over them.
struct Arrays {
  std::vector<std::int64_t> frame_indices, pts, splits{0}, mask_areas, label_splits{0};
  std::vector<std::int32_t> image_sizes, classes, visibilities, label_classes;
  std::vector<framecast::PresentationTime> times;
  std::vector<std::uint8_t> timed;
  std::vector<std::string> statuses;
  std::vector<framecast::SerialisedMessage> errors;
  std::vector<framecast::SerialisedMessage> progress;
  std::vector<Box> boxes;
  std::vector<float> scores, keypoint_scores, label_scores;
  std::vector<Point> points, keypoints;
  std::vector<std::int64_t> ring_splits{0}, part_splits{0}, instance_splits{0}, keypoint_splits{0};
  std::vector<std::int64_t> mask_splits{0}, track_ids, segment_splits{0}, segment_areas, run_splits{0};
  std::vector<std::uint32_t> mask_counts, run_lengths, run_segments;
  std::vector<std::int32_t> segment_classes;
  std::vector<float> logits, embeddings, image_logits, image_embeddings;
  std::size_t logit_length = 0, embedding_length = 0;  // Of instances; of images one more.
  std::vector<framecast::SerialisedMessage> debug_pictures;
  ResultMessage message = ResultMessage::frame_result;

  ResultBatch batch() const {
    ResultBatch batch;
    batch.frames = {frame_indices, image_sizes, pts, times, timed, errors, progress};
    batch.instances = framecast::ResultInstances{
        splits,
        boxes,
        scores,
        classes,
        mask_areas,
        framecast::ResultPolygons{points, ring_splits, part_splits, instance_splits},
        framecast::ResultKeypoints{keypoint_splits, keypoints, visibilities, keypoint_scores},
        framecast::ResultMasks{mask_splits, mask_counts},
        track_ids,
        {logits, logit_length},
        {embeddings, embedding_length}};
    batch.pictures = {{image_logits, logit_length + 1},
                      {image_embeddings, embedding_length + 1},
                      debug_pictures,
                      framecast::ResultSegmentations{segment_splits, segment_classes, segment_areas, run_splits,
                                                     run_lengths, run_segments}};
    batch.labels = framecast::ResultLabels{label_splits, label_classes, label_scores};
    batch.message = message;
    return batch;
  }
};

float odd_float(Random& random) {
  constexpr float kOdd[] = {0.0f, -0.0f, std::numeric_limits<float>::quiet_NaN(),
                            std::numeric_limits<float>::infinity(), std::numeric_limits<float>::denorm_min()};
  return random.below(3) == 0 ? kOdd[random.below(5)] : random.uniform(-10, 500);
}

std::int64_t odd_int(Random& random) {
  const auto value = static_cast<std::int64_t>(random.bits() >> random.below(64));
  return random.below(4) == 0 ? -value : random.below(4) == 0 ? 0 : value;
}

std::uint32_t odd_count(Random& random) { return static_cast<std::uint32_t>(odd_int(random)); }

template <typename T>
void end_of_rows(std::vector<std::int64_t>& splits, const std::vector<T>& rows) {
  splits.push_back(static_cast<std::int64_t>(rows.size()));
}

void add_instance(Random& random, Arrays& arrays) {
  arrays.boxes.push_back({odd_float(random), odd_float(random), odd_float(random), odd_float(random)});
  arrays.scores.push_back(odd_float(random));
  arrays.classes.push_back(static_cast<std::int32_t>(random.below(3)));
  arrays.mask_areas.push_back(odd_int(random));
  for (std::size_t parts = random.below(3); parts > 0; --parts) {
    for (std::size_t rings = random.below(4); rings > 0; --rings) {
      for (std::size_t count = random.below(40); count > 0; --count) {
        arrays.points.push_back({odd_float(random), odd_float(random)});
      }
      end_of_rows(arrays.ring_splits, arrays.points);
    }
    arrays.part_splits.push_back(static_cast<std::int64_t>(arrays.ring_splits.size()) - 1);
  }
  arrays.instance_splits.push_back(static_cast<std::int64_t>(arrays.part_splits.size()) - 1);
  for (std::size_t count = random.below(5); count > 0; --count) {
    arrays.keypoints.push_back({odd_float(random), odd_float(random)});
    arrays.visibilities.push_back(static_cast<std::int32_t>(odd_int(random)));
    arrays.keypoint_scores.push_back(odd_float(random));
  }
  end_of_rows(arrays.keypoint_splits, arrays.keypoints);
  for (std::size_t count = random.below(6); count > 0; --count) arrays.mask_counts.push_back(odd_count(random));
  end_of_rows(arrays.mask_splits, arrays.mask_counts);
  arrays.track_ids.push_back(odd_int(random));
  for (std::size_t i = 0; i < arrays.logit_length; ++i) arrays.logits.push_back(odd_float(random));
  for (std::size_t i = 0; i < arrays.embedding_length; ++i) arrays.embeddings.push_back(odd_float(random));
}

void add_segmentation(Random& random, Arrays& arrays) {
  const std::size_t segments = random.below(4);
  for (std::size_t i = 0; i < segments; ++i) {
    arrays.segment_classes.push_back(static_cast<std::int32_t>(random.below(3)));
    arrays.segment_areas.push_back(odd_int(random));
  }
  for (std::size_t count = random.below(40); count > 0; --count) {
    arrays.run_lengths.push_back(odd_count(random));
    arrays.run_segments.push_back(static_cast<std::uint32_t>(random.below(segments + 1)));
  }
}

Arrays random_arrays(Random& random, std::size_t images) {
  Arrays arrays;
  arrays.message = static_cast<ResultMessage>(random.below(3));
  arrays.logit_length = random.below(3);
  arrays.embedding_length = random.below(100);
  for (std::size_t image = 0; image < images; ++image) {
    arrays.frame_indices.push_back(odd_int(random));
    arrays.pts.push_back(odd_int(random));
    arrays.image_sizes.push_back(static_cast<std::int32_t>(odd_int(random)));
    arrays.image_sizes.push_back(static_cast<std::int32_t>(odd_int(random)));
    arrays.times.push_back({odd_int(random), static_cast<std::int32_t>(odd_int(random))});
    arrays.timed.push_back(static_cast<std::uint8_t>(random.below(2)));
    arrays.statuses.emplace_back(random.below(300), 'e');
    if (arrays.message == ResultMessage::predict_video_response) {
      arrays.progress.emplace_back();
      if (random.below(3) > 0) arrays.progress.back().emplace(kProgress);
    }
    const bool fails = random.below(4) == 0;
    for (std::size_t count = fails ? 0 : random.below(6); count > 0; --count) add_instance(random, arrays);
    for (std::size_t count = fails ? 0 : random.below(4); count > 0; --count) {
      arrays.label_classes.push_back(static_cast<std::int32_t>(random.below(3)));
      arrays.label_scores.push_back(odd_float(random));
    }
    arrays.errors.emplace_back();
    if (fails) arrays.errors.back().emplace();
    if (!fails && random.below(2) > 0) add_segmentation(random, arrays);
    end_of_rows(arrays.segment_splits, arrays.segment_classes);
    end_of_rows(arrays.run_splits, arrays.run_lengths);
    for (std::size_t i = 0; i <= arrays.logit_length; ++i) arrays.image_logits.push_back(odd_float(random));
    for (std::size_t i = 0; i <= arrays.embedding_length; ++i) arrays.image_embeddings.push_back(odd_float(random));
    arrays.debug_pictures.emplace_back();
    if (random.below(2) > 0) arrays.debug_pictures.back().emplace(kDebugPicture);
    end_of_rows(arrays.splits, arrays.boxes);
    end_of_rows(arrays.label_splits, arrays.label_scores);
  }
  for (std::size_t image = 0; image < images; ++image) {
    if (!arrays.errors[image]) continue;
    const std::string& status = arrays.statuses[image];
    arrays.errors[image] = {reinterpret_cast<const std::uint8_t*>(status.data()), status.size()};
  }
  return arrays;
}

// --- the definition, first byte to last -----------------------------------------------------------------------------

std::string varint(std::uint64_t value) {
  std::string bytes;
  do {
    bytes += static_cast<char>(value >= 128 ? value % 128 + 128 : value);
    value /= 128;
  } while (value > 0);
  return bytes;
}

std::string whole(int number, std::int64_t value) {
  if (value == 0) return "";
  return varint(static_cast<std::uint64_t>(number * 8)) + varint(static_cast<std::uint64_t>(value));
}

std::string present(int number, float value) {
  std::string bytes = varint(static_cast<std::uint64_t>(number * 8 + 5));
  return bytes.append(reinterpret_cast<const char*>(&value), 4);
}

std::string real(int number, float value) { return value == 0 && !std::signbit(value) ? "" : present(number, value); }

std::string nested(int number, const std::string& bytes) {
  return varint(static_cast<std::uint64_t>(number * 8 + 2)) + varint(bytes.size()) + bytes;
}

std::string packed(int number, const std::vector<std::uint32_t>& values, std::int64_t first, std::int64_t last) {
  std::string bytes;
  for (std::int64_t i = first; i < last; ++i) bytes += varint(values[static_cast<std::size_t>(i)]);
  return first == last ? "" : nested(number, bytes);
}

std::string packed(int number, const std::vector<float>& rows, std::size_t row, std::size_t length) {
  if (length == 0) return "";
  return nested(number, std::string(reinterpret_cast<const char*>(rows.data() + row * length), length * 4));
}

std::string category(std::int32_t index) {
  const auto at = static_cast<std::size_t>(index);
  return whole(1, kIds[at]) + (kNames[at].empty() ? "" : nested(2, std::string(kNames[at])));
}

std::string plain_instance(const Arrays& arrays, std::size_t image, std::size_t row) {
  auto each = [](const std::vector<std::int64_t>& splits, std::size_t index, auto&& visit) {
    for (std::int64_t i = splits[index]; i < splits[index + 1]; ++i) visit(static_cast<std::size_t>(i));
  };
  const Box& box = arrays.boxes[row];
  std::string bytes = category(arrays.classes[row]) + real(3, arrays.scores[row]);
  bytes += nested(4, real(1, box.x1) + real(2, box.y1) + real(3, box.x2) + real(4, box.y2));
  each(arrays.instance_splits, row, [&](std::size_t part) {
    std::string polygon;
    each(arrays.part_splits, part, [&](std::size_t ring) {
      std::string floats;
      each(arrays.ring_splits, ring, [&](std::size_t point) {
        floats.append(reinterpret_cast<const char*>(&arrays.points[point]), sizeof(Point));
      });
      const bool first = ring == static_cast<std::size_t>(arrays.part_splits[part]);
      polygon += nested(first ? 1 : 2, floats.empty() ? "" : nested(1, floats));
    });
    bytes += nested(5, polygon);
  });
  bytes += whole(6, arrays.mask_areas[row]);
  each(arrays.keypoint_splits, row, [&](std::size_t point) {
    bytes += nested(7, real(1, arrays.keypoints[point].x) + real(2, arrays.keypoints[point].y) +
                           whole(3, arrays.visibilities[point]) + present(4, arrays.keypoint_scores[point]));
  });
  const std::int64_t first = arrays.mask_splits[row], last = arrays.mask_splits[row + 1];
  if (first != last) {
    bytes += nested(8, whole(1, arrays.image_sizes[2 * image]) + whole(2, arrays.image_sizes[2 * image + 1]) +
                           packed(3, arrays.mask_counts, first, last));
  }
  bytes += packed(9, arrays.logits, row, arrays.logit_length) + whole(10, arrays.track_ids[row]);
  return bytes + packed(11, arrays.embeddings, row, arrays.embedding_length);
}

std::string plain_segmentation(const Arrays& arrays, std::size_t image) {
  const std::int64_t first = arrays.run_splits[image], last = arrays.run_splits[image + 1];
  if (first == last) return "";
  std::string bytes = whole(1, arrays.image_sizes[2 * image]) + whole(2, arrays.image_sizes[2 * image + 1]);
  for (std::int64_t row = arrays.segment_splits[image]; row < arrays.segment_splits[image + 1]; ++row) {
    const auto segment = static_cast<std::size_t>(row);
    bytes += nested(3, category(arrays.segment_classes[segment]) + whole(3, arrays.segment_areas[segment]));
  }
  return nested(9, bytes + packed(4, arrays.run_lengths, first, last) + packed(5, arrays.run_segments, first, last));
}

std::string plain_message(const Arrays& arrays, std::size_t image) {
  std::string bytes = whole(1, arrays.frame_indices[image]);
  if (arrays.timed[image])
    bytes += nested(2, whole(1, arrays.times[image].seconds) + whole(2, arrays.times[image].nanos));
  bytes += whole(3, arrays.pts[image]);
  if (arrays.errors[image]) {
    bytes += nested(5, arrays.statuses[image]);
  } else {
    std::string prediction = whole(1, arrays.image_sizes[2 * image + 1]) + whole(2, arrays.image_sizes[2 * image]);
    for (std::int64_t row = arrays.splits[image]; row < arrays.splits[image + 1]; ++row) {
      prediction += nested(3, plain_instance(arrays, image, static_cast<std::size_t>(row)));
    }
    for (std::int64_t row = arrays.label_splits[image]; row < arrays.label_splits[image + 1]; ++row) {
      const auto label = static_cast<std::size_t>(row);
      prediction += nested(4, category(arrays.label_classes[label]) + real(3, arrays.label_scores[label]));
    }
    prediction += packed(5, arrays.image_logits, image, arrays.logit_length + 1);
    if (arrays.debug_pictures[image]) {
      prediction += nested(6, std::string(std::begin(kDebugPicture), std::end(kDebugPicture)));
    }
    prediction += packed(8, arrays.image_embeddings, image, arrays.embedding_length + 1);
    bytes += nested(4, prediction + plain_segmentation(arrays, image));
  }
  if (arrays.message == ResultMessage::frame_result) return bytes;
  if (arrays.message == ResultMessage::predict_images_response) return nested(1, bytes);
  bytes = nested(2, bytes);
  return arrays.progress[image] ? bytes + nested(3, std::string(std::begin(kProgress), std::end(kProgress))) : bytes;
}

// --------------------------------------------------------------------------------------------------------------------

/// The messages of a batch in memory of exactly their sizes.
std::vector<std::string> serialise(const ResultBatch& batch, const CategoryTable& table, ThreadPool* pool = nullptr) {
  std::vector<std::size_t> sizes(batch.frames.frame_indices.size());
  framecast::measure_results(batch, table, sizes, pool);
  std::vector<std::string> messages;
  for (std::size_t size : sizes) messages.emplace_back(size, '\x55');
  std::vector<std::span<std::uint8_t>> out;
  for (std::string& message : messages) {
    out.push_back({reinterpret_cast<std::uint8_t*>(message.data()), message.size()});
  }
  framecast::serialise_results(batch, table, out, pool);
  return messages;
}

}  // namespace

TEST(sizes_of_varints) {
  for (int bits = 0; bits <= 63; ++bits) {
    for (std::uint64_t value : {std::uint64_t{1} << bits, (std::uint64_t{1} << bits) - 1, ~std::uint64_t{0} >> bits}) {
      CHECK(framecast::varint_size(value) == varint(value).size());
    }
  }
}

TEST(random_batches_are_the_definition) {
  const CategoryTable table(kIds, kNames);
  Random random(11);
  ThreadPool pool(3);
  for (int round = 0; round < 2000; ++round) {
    const std::size_t images = random.below(4);
    const Arrays arrays = random_arrays(random, images);
    const std::vector<std::string> messages = serialise(arrays.batch(), table);
    for (std::size_t image = 0; image < images; ++image) CHECK(messages[image] == plain_message(arrays, image));
    CHECK(messages == serialise(arrays.batch(), table, &pool));
  }
}

TEST(a_small_message_byte_by_byte) {
  const CategoryTable table(kIds, kNames);
  Arrays arrays;
  arrays.frame_indices = {150};
  arrays.image_sizes = {2, 3};
  arrays.boxes = {{0, -0.0f, 1, 0}};
  arrays.scores = {0.5f};
  arrays.classes = {1};
  arrays.splits = {0, 1};
  arrays.instance_splits = {0, 0};
  arrays.keypoint_splits = {0, 0};
  arrays.label_splits = {0, 0};
  ResultBatch batch = arrays.batch();
  batch.instances->masks.reset();
  batch.pictures = {};
  const std::string expected(
      "\x08\x96\x01"  // frame_index
      "\x22\x27"      // prediction
      "\x08\x03\x10\x02"
      "\x1a\x21"  // instance
      "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"
      "\x12\x03"
      "car"
      "\x1d\0\0\0\x3f"
      "\x22\x0a"
      "\x15\0\0\0\x80"
      "\x1d\0\0\x80\x3f",
      44);
  CHECK(serialise(batch, table) == std::vector<std::string>{expected});
}

TEST(what_does_not_fit_is_refused_by_name) {
  const CategoryTable table(kIds, kNames);
  Random random(3);
  const auto refused = [&](auto&& spoil) {
    Arrays arrays;
    for (bool usable = false; !usable;) {
      arrays = random_arrays(random, 3);
      usable = !arrays.mask_counts.empty() && !arrays.run_segments.empty() && !arrays.segment_classes.empty() &&
               arrays.logit_length > 0;
    }
    serialise(arrays.batch(), table);
    spoil(arrays);
    std::vector<std::size_t> sizes(3);
    try {
      framecast::measure_results(arrays.batch(), table, sizes);
    } catch (const std::invalid_argument& error) {
      return std::string(error.what()).substr(0, std::string(error.what()).find(':'));
    }
    return std::string("nothing");
  };
  CHECK(refused([](Arrays& arrays) { arrays.mask_splits.pop_back(); }) == "mask_splits");
  CHECK(refused([](Arrays& arrays) { arrays.mask_splits.back() += 1; }) == "mask_splits");
  CHECK(refused([](Arrays& arrays) { arrays.track_ids.pop_back(); }) == "track_ids");
  CHECK(refused([](Arrays& arrays) { arrays.logits.pop_back(); }) == "logits");
  CHECK(refused([](Arrays& arrays) { arrays.embeddings.push_back(0); }) == "embeddings");
  CHECK(refused([](Arrays& arrays) { arrays.image_logits.pop_back(); }) == "image_logits");
  CHECK(refused([](Arrays& arrays) { arrays.image_embeddings.clear(); }) == "image_embeddings");
  CHECK(refused([](Arrays& arrays) { arrays.debug_pictures.pop_back(); }) == "debug_pictures");
  CHECK(refused([](Arrays& arrays) { arrays.segment_splits.back() += 1; }) == "segment_splits");
  CHECK(refused([](Arrays& arrays) { arrays.segment_classes.back() = 3; }) == "segment_classes");
  CHECK(refused([](Arrays& arrays) { arrays.segment_areas.pop_back(); }) == "segment_areas");
  CHECK(refused([](Arrays& arrays) { arrays.run_splits.pop_back(); }) == "run_splits");
  CHECK(refused([](Arrays& arrays) { arrays.run_segments.pop_back(); }) == "run_segments");
  CHECK(refused([](Arrays& arrays) { arrays.run_segments.back() = 4; }) == "run_segments");
}

TEST(serialising_allocates_nothing) {
  const CategoryTable table(kIds, kNames);
  Random random(4);
  const Arrays arrays = random_arrays(random, 6);
  const ResultBatch batch = arrays.batch();
  std::vector<std::size_t> sizes(6);
  CHECK(allocations_of([&] { framecast::measure_results(batch, table, sizes); }) == 0);
  std::vector<std::vector<std::uint8_t>> messages;
  for (std::size_t size : sizes) messages.emplace_back(size);
  const std::vector<std::span<std::uint8_t>> out(messages.begin(), messages.end());
  CHECK(allocations_of([&] { framecast::serialise_results(batch, table, out); }) == 0);
}

TEST(memory_of_another_size_is_refused) {
  const CategoryTable table(kIds, kNames);
  Random random(8);
  const Arrays arrays = random_arrays(random, 1);
  const ResultBatch batch = arrays.batch();
  std::vector<std::size_t> sizes(1);
  framecast::measure_results(batch, table, sizes);
  for (std::size_t size : {std::size_t{0}, sizes[0] - 1, sizes[0] + 1}) {
    std::vector<std::uint8_t> memory(size);
    const std::span<std::uint8_t> out[] = {memory};
    CHECK_REFUSES("out", framecast::serialise_results(batch, table, out));
  }
  CHECK_REFUSES("out", framecast::serialise_results(batch, table, {}));
  CHECK_REFUSES("sizes", framecast::measure_results(batch, table, {}));
}

TEST(a_message_of_two_gib_is_refused) {
  // A name of 1 MiB for each of 3000 boxes.
  const std::string name(std::size_t{1} << 20, 'n');
  const std::string_view names[] = {name};
  const std::int32_t ids[] = {1};
  const CategoryTable table(ids, names);
  Arrays arrays;
  arrays.frame_indices = {0};
  arrays.image_sizes = {2, 3};
  arrays.boxes.resize(3000);
  arrays.scores.resize(3000);
  arrays.classes.resize(3000);
  arrays.splits = {0, 3000};
  ResultBatch batch;
  batch.frames.frame_indices = arrays.frame_indices;
  batch.frames.image_sizes = arrays.image_sizes;
  batch.instances.emplace();
  batch.instances->splits = arrays.splits;
  batch.instances->boxes = arrays.boxes;
  batch.instances->scores = arrays.scores;
  batch.instances->classes = arrays.classes;
  std::size_t size = 0;
  CHECK_REFUSES("splits", framecast::measure_results(batch, table, {&size, 1}));
}

TEST(a_table_needs_a_name_per_id) { CHECK_REFUSES("names", CategoryTable(kIds, std::span(kNames).first(2))); }
