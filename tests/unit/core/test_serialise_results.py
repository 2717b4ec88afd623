"""Results on the wire: the bytes that protobuf writes for the same message, whatever the values."""

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from google.protobuf.duration_pb2 import Duration
from google.rpc.status_pb2 import Status
from numpy.typing import NDArray

import framecast_core
from framecast.v1.frame_result_pb2 import DebugPicture, FrameResult, Instance, Prediction
from framecast.v1.geometry_pb2 import Keypoint, Polygon, Ring
from framecast.v1.inference_service_pb2 import LoadedModel, PredictImagesResponse, PredictVideoResponse
from framecast.v1.inference_settings_pb2 import InferenceSettings
from tests.unit.core.candidates import f32, i32, splits_of

ODD_FLOATS = f32(0.0, -0.0, np.nan, np.inf, -np.inf, 1e-45, -3.4e38, 1.0, 0.1, 300.5)
ODD_INT32 = i32(0, 1, -1, 127, 128, 16383, 16384, 2**31 - 1, -(2**31))
ODD_COUNTS = np.array([0, 1, 5, 127, 128, 16383, 16384, 2**32 - 1], np.uint32)
ODD_INT64 = np.array([0, 1, -1, 127, 128, 2**31, -(2**31), 2**63 - 1, -(2**63)], np.int64)
NAMES = ["", "car", "Ampel 🚦", "x" * 127, "y" * 128, "z" * 20000, "\0"]
IDS = i32(0, 1, -1, 128, 2**31 - 1, -(2**31), 7)
TABLE = framecast_core.CategoryTable(IDS, NAMES)


@dataclass(frozen=True, eq=False)
class Shapes:
    """What `polygons` may be: any object with these arrays."""

    points: NDArray[np.float32]
    ring_splits: NDArray[np.int64]
    part_splits: NDArray[np.int64]
    instance_splits: NDArray[np.int64]


@dataclass(frozen=True, eq=False, kw_only=True)
class Batch:
    """The arguments of a call, and the messages that protobuf makes of them."""

    arguments: dict[str, Any]
    messages: list[FrameResult]


def random_splits(rng: np.random.Generator, owners: int, most: int) -> NDArray[np.int64]:
    return splits_of(rng.integers(0, most + 1, owners).tolist())


def random_floats(rng: np.random.Generator, *shape: int) -> NDArray[np.float32]:
    values = rng.uniform(-10, 1000, shape).astype(np.float32)
    odd = rng.choice(ODD_FLOATS, shape)
    return np.where(rng.random(shape) < rng.choice([0, 0.3, 1]), odd, values).astype(np.float32)


def random_batch(seed: int) -> Batch:
    rng = np.random.default_rng(seed)
    images = int(rng.integers(0, 5))
    failed = rng.random(images) < 0.2
    arguments: dict[str, Any] = {
        "frame_indices": rng.choice(ODD_INT64, images),
        "image_sizes": rng.choice(ODD_INT32, (images, 2)),
    }
    statuses = [Status(code=int(rng.integers(0, 17)), message="é" * int(rng.integers(0, 100))) for _ in range(images)]
    if failed.any():
        arguments["errors"] = [
            status.SerializeToString() if fails else None for status, fails in zip(statuses, failed, strict=True)
        ]
    if rng.random() < 0.7:
        arguments["pts"] = rng.choice(ODD_INT64, images)
    if rng.random() < 0.7:
        times = np.stack([rng.choice(ODD_INT64, images), rng.choice(ODD_INT32, images)], axis=1).astype(np.int64)
        arguments["presentation_times"] = times
        if rng.random() < 0.5:
            arguments["timed"] = rng.random(images) < 0.5
    if rng.random() < 0.9:
        arguments.update(random_instances(rng, failed))
    if rng.random() < 0.4:
        splits = splits_of((rng.integers(0, 5, images) * ~failed).tolist())
        count = int(splits[-1])
        arguments["label_splits"] = splits
        arguments["label_classes"] = rng.integers(0, len(NAMES), count, dtype=np.int32)
        arguments["label_scores"] = random_floats(rng, count)
    if rng.random() < 0.3:
        arguments["image_logits"] = random_floats(rng, images, int(rng.integers(0, 90)))
    if rng.random() < 0.3:
        arguments["image_embeddings"] = random_floats(rng, images, int(rng.integers(0, 90)))
    if rng.random() < 0.3:
        picture = DebugPicture(data=rng.bytes(int(rng.integers(0, 20000))), media_type="image/png").SerializeToString()
        arguments["debug_pictures"] = [picture if rng.random() < 0.5 else None for _ in range(images)]
    if rng.random() < 0.4:
        arguments.update(random_segmentations(rng, failed))
    return Batch(arguments=arguments, messages=[by_protobuf(arguments, image) for image in range(images)])


def random_instances(rng: np.random.Generator, failed: NDArray[np.bool_]) -> dict[str, Any]:
    splits = splits_of((rng.integers(0, rng.choice([2, 12]), len(failed)) * ~failed).tolist())
    count = int(splits[-1])
    arguments: dict[str, Any] = {
        "splits": splits,
        "boxes": random_floats(rng, count, 4),
        "scores": random_floats(rng, count),
        "classes": rng.integers(0, len(NAMES), count, dtype=np.int32),
    }
    if rng.random() < 0.6:
        instance_splits = random_splits(rng, count, 3)
        part_splits = random_splits(rng, int(instance_splits[-1]), 3)
        ring_splits = random_splits(rng, int(part_splits[-1]), int(rng.choice([2, 20, 3000], p=[0.2, 0.75, 0.05])))
        points = random_floats(rng, int(ring_splits[-1]), 2)
        arguments["polygons"] = Shapes(points, ring_splits, part_splits, instance_splits)
    if rng.random() < 0.5:
        arguments["mask_areas"] = rng.choice(ODD_INT64, count)
    if rng.random() < 0.5:
        keypoint_splits = random_splits(rng, count, 17)
        named = int(keypoint_splits[-1])
        arguments["keypoint_splits"] = keypoint_splits
        arguments["keypoints"] = random_floats(rng, named, 2)
        if rng.random() < 0.7:
            arguments["visibilities"] = rng.choice(np.append(ODD_INT32, i32(2, 3)), named).astype(np.int32)
        if rng.random() < 0.7:
            arguments["keypoint_scores"] = random_floats(rng, named)
    if rng.random() < 0.3:
        mask_splits = random_splits(rng, count, int(rng.choice([2, 300])))
        arguments |= {"mask_splits": mask_splits, "mask_counts": rng.choice(ODD_COUNTS, int(mask_splits[-1]))}
    if rng.random() < 0.3:
        arguments["track_ids"] = rng.choice(ODD_INT64, count)
    if rng.random() < 0.3:
        arguments["logits"] = random_floats(rng, count, int(rng.integers(0, 90)))
    if rng.random() < 0.3:
        arguments["embeddings"] = random_floats(rng, count, int(rng.integers(0, 90)))
    return arguments


def random_segmentations(rng: np.random.Generator, failed: NDArray[np.bool_]) -> dict[str, Any]:
    segments = rng.integers(0, 5, len(failed)) * ~failed
    runs = rng.integers(0, rng.choice([2, 500]), len(failed)) * ~failed
    return {
        "segment_splits": splits_of(segments.tolist()),
        "segment_classes": rng.integers(0, len(NAMES), int(segments.sum()), dtype=np.int32),
        "segment_areas": rng.choice(ODD_INT64, int(segments.sum())),
        "run_splits": splits_of(runs.tolist()),
        "run_lengths": rng.choice(ODD_COUNTS, int(runs.sum())),
        "run_segments": (rng.random(int(runs.sum())) * np.repeat(segments + 1, runs)).astype(np.uint32),
    }


def by_protobuf(arguments: dict[str, Any], image: int) -> FrameResult:
    """The message of an image, built field by field."""
    result = FrameResult(frame_index=int(arguments["frame_indices"][image]))
    if "pts" in arguments:
        result.pts = int(arguments["pts"][image])
    if "presentation_times" in arguments and ("timed" not in arguments or arguments["timed"][image]):
        seconds, nanos = arguments["presentation_times"][image].tolist()
        result.presentation_time.CopyFrom(Duration(seconds=seconds, nanos=nanos))
    if arguments.get("errors") and arguments["errors"][image] is not None:
        result.error.ParseFromString(arguments["errors"][image])
        result.error.SetInParent()
        return result
    prediction = Prediction()
    prediction.height, prediction.width = arguments["image_sizes"][image].tolist()
    for row in range(*rows_of(arguments.get("splits"), image)):
        prediction.instances.append(instance_by_protobuf(arguments, image, row))
    for row in range(*rows_of(arguments.get("label_splits"), image)):
        label = int(arguments["label_classes"][row])
        score = float(arguments["label_scores"][row])
        prediction.labels.add(category_id=int(IDS[label]), category=NAMES[label], score=score)
    if "image_logits" in arguments:
        prediction.logits.extend(arguments["image_logits"][image].tolist())
    if "image_embeddings" in arguments:
        prediction.embedding.extend(arguments["image_embeddings"][image].tolist())
    if arguments.get("debug_pictures") and arguments["debug_pictures"][image] is not None:
        prediction.debug_picture.ParseFromString(arguments["debug_pictures"][image])
        prediction.debug_picture.SetInParent()
    first, last = rows_of(arguments.get("run_splits"), image)
    if first < last:
        prediction.segmentation.height, prediction.segmentation.width = arguments["image_sizes"][image].tolist()
        for row in range(*rows_of(arguments["segment_splits"], image)):
            label, area = int(arguments["segment_classes"][row]), int(arguments["segment_areas"][row])
            prediction.segmentation.segments.add(category_id=int(IDS[label]), category=NAMES[label], area=area)
        prediction.segmentation.run_lengths.extend(arguments["run_lengths"][first:last].tolist())
        prediction.segmentation.run_segments.extend(arguments["run_segments"][first:last].tolist())
    result.prediction.CopyFrom(prediction)
    return result


def instance_by_protobuf(arguments: dict[str, Any], image: int, row: int) -> Instance:
    label = int(arguments["classes"][row])
    instance = Instance(category_id=int(IDS[label]), category=NAMES[label], score=float(arguments["scores"][row]))
    instance.box.SetInParent()
    box = instance.box
    box.x_min, box.y_min, box.x_max, box.y_max = arguments["boxes"][row].tolist()
    if "mask_areas" in arguments:
        instance.mask_area = int(arguments["mask_areas"][row])
    if "polygons" in arguments:
        shapes = arguments["polygons"]
        for part in range(*rows_of(shapes.instance_splits, row)):
            polygon: Polygon = instance.polygons.add()
            for position, ring in enumerate(range(*rows_of(shapes.part_splits, part))):
                first, last = rows_of(shapes.ring_splits, ring)
                message = Ring(coordinates=shapes.points[first:last].ravel().tolist())
                if position == 0:
                    polygon.exterior.CopyFrom(message)
                else:
                    polygon.holes.append(message)
    if "keypoints" in arguments:
        for point in range(*rows_of(arguments["keypoint_splits"], row)):
            x, y = arguments["keypoints"][point].tolist()
            keypoint: Keypoint = instance.keypoints.add(x=x, y=y)
            if "visibilities" in arguments:
                keypoint.visibility = int(arguments["visibilities"][point])  # type: ignore[assignment]
            if "keypoint_scores" in arguments:
                keypoint.score = float(arguments["keypoint_scores"][point])
    first, last = rows_of(arguments.get("mask_splits"), row)
    if first < last:
        instance.mask.height, instance.mask.width = arguments["image_sizes"][image].tolist()
        instance.mask.counts.extend(arguments["mask_counts"][first:last].tolist())
    if "track_ids" in arguments:
        instance.track_id = int(arguments["track_ids"][row])
    if "logits" in arguments:
        instance.logits.extend(arguments["logits"][row].tolist())
    if "embeddings" in arguments:
        instance.embedding.extend(arguments["embeddings"][row].tolist())
    return instance


def rows_of(splits: NDArray[np.int64] | None, index: int) -> tuple[int, int]:
    return (0, 0) if splits is None else (int(splits[index]), int(splits[index + 1]))


@pytest.mark.parametrize("first", range(0, 1000, 50))
def test_the_bytes_are_those_of_protobuf(first: int) -> None:
    for seed in range(first, first + 50):
        batch = random_batch(seed)
        written = framecast_core.serialise_results(TABLE, **batch.arguments)
        assert written == [message.SerializeToString() for message in batch.messages]
        assert written == [message.SerializeToString(deterministic=True) for message in batch.messages]


def test_what_was_written_reads_back() -> None:
    for seed in range(200):
        batch = random_batch(seed)
        for data, message in zip(
            framecast_core.serialise_results(TABLE, **batch.arguments), batch.messages, strict=True
        ):
            read = FrameResult.FromString(data)
            assert read.SerializeToString() == data
            assert read.WhichOneof("outcome") == message.WhichOneof("outcome")
            if b"\x00\x00\xc0\x7f" not in data:  # Without a NaN, messages can be compared.
                assert read == message


def test_a_pool_changes_no_byte() -> None:
    pool = framecast_core.ThreadPool(2)
    for seed in range(100):
        arguments = random_batch(seed).arguments
        assert framecast_core.serialise_results(TABLE, **arguments, pool=pool) == framecast_core.serialise_results(
            TABLE, **arguments
        )


def test_more_rows_than_are_measured_at_once() -> None:
    count = 30_000
    rng = np.random.default_rng(3)
    arguments: dict[str, Any] = {
        "frame_indices": np.arange(3),
        "image_sizes": np.full((3, 2), 4000, np.int32),
        "splits": np.array([0, 10_000, 10_000, count]),
        "boxes": random_floats(rng, count, 4),
        "scores": rng.random(count, np.float32),
        "classes": rng.integers(0, len(NAMES), count, dtype=np.int32) % 3,
    }
    expected = [by_protobuf(arguments, image).SerializeToString() for image in range(3)]
    assert framecast_core.serialise_results(TABLE, **arguments) == expected
    assert framecast_core.serialise_results(TABLE, **arguments, pool=framecast_core.ThreadPool(3)) == expected


def test_the_pieces_of_an_images_response_join_to_the_whole() -> None:
    for seed in range(100):
        batch = random_batch(seed)
        pieces = framecast_core.serialise_results(TABLE, **batch.arguments, message="PredictImagesResponse")
        rest = {
            "model": LoadedModel(model_version="projects/a/models/b/versions/1", input_width=640),
            "settings": InferenceSettings(max_detections=7),
        }
        whole = PredictImagesResponse(results=batch.messages, **rest)  # type: ignore[arg-type]
        tail = PredictImagesResponse(**rest).SerializeToString()  # type: ignore[arg-type]
        assert b"".join([*pieces, tail]) == whole.SerializeToString()


@pytest.mark.parametrize("with_progress", [False, True])
def test_a_stream_message_wraps_the_result(with_progress: bool) -> None:
    for seed in range(100):
        batch = random_batch(seed)
        expected, progress = [], []
        for done, message in enumerate(batch.messages):
            response = PredictVideoResponse(result=message)
            if with_progress and done != 1:
                response.progress.CopyFrom(PredictVideoResponse.Progress(frames_done=done, total_frames=1000))
            progress.append(response.progress.SerializeToString() if response.HasField("progress") else None)
            expected.append(response.SerializeToString())
        options: dict[str, Any] = {"progress": progress} if with_progress else {}
        written = framecast_core.serialise_results(TABLE, **batch.arguments, message="PredictVideoResponse", **options)
        assert written == expected


def test_polygons_of_masks_go_in_as_they_come() -> None:
    mask = np.zeros((2, 20, 30), bool)
    mask[0, 5:15, 5:15] = True
    mask[0, 8:12, 8:12] = False
    mask[1, :3, :3] = mask[1, 10:, 20:] = True
    polygons = framecast_core.binary_masks_to_polygons(mask, rdp_thresholds=f32(0, 0))
    (data,) = framecast_core.serialise_results(
        TABLE,
        np.array([3]),
        np.array([[20, 30]], np.int32),
        splits=np.array([0, 2]),
        boxes=polygons.boxes,
        scores=f32(0.9, 0.8),
        classes=i32(1, 2),
        polygons=polygons,
        mask_areas=polygons.areas,
    )
    first, second = FrameResult.FromString(data).prediction.instances
    assert (first.category, second.category) == ("car", "Ampel 🚦")
    assert (first.mask_area, second.mask_area) == (84, 109)
    assert [len(part.holes) for part in first.polygons] == [1]
    assert len(second.polygons) == 2
    assert list(first.polygons[0].exterior.coordinates) == polygons.points[:4].ravel().tolist()


def test_nothing_at_all_is_an_empty_list() -> None:
    assert framecast_core.serialise_results(TABLE, np.empty(0, np.int64), np.empty((0, 2), np.int32)) == []


def test_a_result_without_anything_still_has_a_prediction() -> None:
    (data,) = framecast_core.serialise_results(TABLE, np.array([0]), np.zeros((1, 2), np.int32))
    assert data == bytes([0x22, 0])
    assert FrameResult.FromString(data).HasField("prediction")


def test_an_empty_error_is_an_error() -> None:
    (data,) = framecast_core.serialise_results(TABLE, np.array([0]), np.zeros((1, 2), np.int32), errors=[b""])
    assert data == FrameResult(error=Status()).SerializeToString() == bytes([0x2A, 0])


def valid_arguments() -> dict[str, Any]:
    return {
        "frame_indices": np.array([0, 1]),
        "image_sizes": np.full((2, 2), 9, np.int32),
        "splits": np.array([0, 1, 2]),
        "boxes": np.zeros((2, 4), np.float32),
        "scores": f32(1, 1),
        "classes": i32(0, 6),
        "polygons": Shapes(np.zeros((3, 2), np.float32), np.array([0, 3]), np.array([0, 1]), np.array([0, 1, 1])),
        "mask_areas": np.array([1, 2]),
        "keypoint_splits": np.array([0, 1, 1]),
        "keypoints": np.zeros((1, 2), np.float32),
        "visibilities": i32(2),
        "keypoint_scores": f32(0.5),
        "label_splits": np.array([0, 0, 1]),
        "label_classes": i32(6),
        "label_scores": f32(0.5),
        "errors": [None, None],
        "pts": np.array([4, 5]),
        "presentation_times": np.array([[1, 2], [3, 4]]),
        "timed": np.array([True, False]),
        "mask_splits": np.array([0, 2, 2]),
        "mask_counts": np.array([80, 1], np.uint32),
        "track_ids": np.array([1, 2]),
        "logits": np.zeros((2, 3), np.float32),
        "embeddings": np.zeros((2, 3), np.float32),
        "image_logits": np.zeros((2, 3), np.float32),
        "image_embeddings": np.zeros((2, 3), np.float32),
        "debug_pictures": [b"", None],
        "segment_splits": np.array([0, 1, 1]),
        "segment_classes": i32(6),
        "segment_areas": np.array([81]),
        "run_splits": np.array([0, 2, 3]),
        "run_lengths": np.array([80, 1, 81], np.uint32),
        "run_segments": np.array([1, 0, 0], np.uint32),
    }


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("image_sizes", np.zeros((1, 2), np.int32)),
        ("image_sizes", np.zeros((2, 3), np.int32)),
        ("splits", np.array([0, 2])),
        ("splits", np.array([0, 2, 1])),
        ("splits", np.array([0, -1, 2])),
        ("splits", np.array([0, 1, 3])),
        ("boxes", np.zeros((2, 3), np.float32)),
        ("boxes", None),
        ("scores", f32(1)),
        ("classes", i32(0)),
        ("classes", i32(0, 7)),
        ("classes", i32(-1, 0)),
        ("mask_areas", np.array([1])),
        ("mask_areas", np.empty(0, np.int64)),
        ("keypoint_splits", np.array([0, 1])),
        ("keypoint_splits", np.array([0, 2, 1])),
        ("keypoints", np.zeros((1, 3), np.float32)),
        ("keypoints", None),
        ("visibilities", i32(1, 2)),
        ("keypoint_scores", f32()),
        ("label_splits", np.array([0, 1])),
        ("label_splits", None),
        ("label_classes", i32(-1)),
        ("label_scores", f32(1, 2)),
        ("errors", [None]),
        ("errors", [b"", None]),
        ("errors", [None, b""]),
        ("pts", np.array([1])),
        ("pts", np.empty(0, np.int64)),
        ("presentation_times", np.array([[1, 2**31], [0, 0]])),
        ("presentation_times", np.array([[1, 2]])),
        ("timed", np.array([True])),
        ("message", "Frame"),
        ("progress", [b"", b""]),
        ("progress", [None]),
        ("mask_splits", np.array([0, 2])),
        ("mask_splits", np.array([0, 2, 3])),
        ("mask_splits", None),
        ("track_ids", np.array([1])),
        ("logits", np.zeros((1, 3), np.float32)),
        ("embeddings", np.zeros((3, 3), np.float32)),
        ("image_logits", np.zeros((0, 3), np.float32)),
        ("image_embeddings", np.zeros((1, 0), np.float32)),
        ("debug_pictures", [None]),
        ("segment_splits", np.array([0, 1])),
        ("segment_splits", None),
        ("segment_classes", i32(7)),
        ("segment_areas", np.array([1, 2])),
        ("run_splits", np.array([0, 2])),
        ("run_segments", np.array([1, 0], np.uint32)),
        ("run_segments", np.array([2, 0, 0], np.uint32)),
        ("run_segments", np.array([1, 0, 1], np.uint32)),
    ],
)
def test_values_that_do_not_fit_are_refused_by_name(argument: str, value: object) -> None:
    framecast_core.serialise_results(TABLE, **valid_arguments())
    with pytest.raises(ValueError, match=f"^{argument}: "):
        framecast_core.serialise_results(TABLE, **{**valid_arguments(), argument: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ring_splits", np.array([0, 4])),
        ("ring_splits", np.empty(0, np.int64)),
        ("part_splits", np.array([0, 2])),
        ("part_splits", np.array([1, 1])),
        ("instance_splits", np.array([0, 1])),
        ("instance_splits", np.array([0, 2, 1])),
        ("points", np.zeros((3, 3), np.float32)),
    ],
)
def test_polygons_that_do_not_fit_are_refused(name: str, value: object) -> None:
    arguments = valid_arguments()
    arguments["polygons"] = replace(arguments["polygons"], **{name: value})
    with pytest.raises(ValueError, match=r"^polygons[:.]"):
        framecast_core.serialise_results(TABLE, **arguments)


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("boxes", np.zeros((2, 4))),
        ("classes", np.zeros(2, np.int64)),
        ("pts", i32(1, 2)),
        ("errors", ["no", None]),
        ("polygons", object()),
        ("polygons", Shapes(np.zeros((3, 2)), np.array([0, 3]), np.array([0, 1]), np.array([0, 1, 1]))),  # type: ignore[arg-type]
        ("timed", np.array([1.0, 0.0])),
        ("mask_counts", np.array([80, 1])),
        ("logits", np.zeros((2, 3))),
        ("debug_pictures", ["no", None]),
    ],
)
def test_other_types_are_refused(argument: str, value: object) -> None:
    with pytest.raises(TypeError):
        framecast_core.serialise_results(TABLE, **{**valid_arguments(), argument: value})


def test_a_table_needs_a_name_per_id() -> None:
    assert len(TABLE) == 7
    with pytest.raises(ValueError, match=r"^names: "):
        framecast_core.CategoryTable(i32(1, 2), ["one"])
    with pytest.raises((TypeError, ValueError)):
        framecast_core.CategoryTable(i32(1), ["\ud800"])


def test_random_batches_cover_every_field() -> None:
    seen: set[str] = set()
    for seed in range(100):
        seen |= random_batch(seed).arguments.keys()
    assert seen == valid_arguments().keys()
    assert any(
        pair[0] == pair[1] for seed in range(9) for pair in pairwise(random_batch(seed).arguments.get("splits", []))
    )
