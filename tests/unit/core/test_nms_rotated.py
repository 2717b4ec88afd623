"""NMS of rotated boxes against Shapely's polygons; odd rows by their rule."""

from typing import Any

import numpy as np
import pytest
import shapely
from numpy.typing import NDArray

import framecast_core
from tests.unit.core.candidates import f32, i32, splits_of


def rotated_boxes(rng: np.random.Generator, count: int) -> NDArray[np.float32]:
    """Jittered copies of long and short boxes at any angle, so that many overlap."""
    objects = max(1, count // 6)
    sizes = np.exp(rng.uniform(np.log(4), np.log(120), (objects, 2)))
    boxes = np.concatenate([rng.uniform(0, 300, (objects, 2)), sizes, rng.uniform(-7, 7, (objects, 1))], axis=1)
    copies = boxes[rng.integers(objects, size=count)]
    copies[:, :2] += rng.normal(0, 0.1, (count, 2)) * copies[:, 2:4].min(axis=1, keepdims=True)
    copies[:, 2:4] *= rng.uniform(0.85, 1.15, (count, 2))
    copies[:, 4] += rng.normal(0, 0.1, count)
    return copies.astype(np.float32)


def polygon(box: NDArray[np.float32]) -> Any:
    cx, cy, width, height, angle = box.astype(np.float64)
    along = np.array([np.cos(angle), np.sin(angle)]) * width / 2
    across = np.array([-np.sin(angle), np.cos(angle)]) * height / 2
    corners = np.array([along + across, across - along, -along - across, along - across])
    return shapely.Polygon(np.array([cx, cy]) + corners)


def run(boxes: NDArray[np.float32], scores: NDArray[np.float32], classes: NDArray[np.int32], iou: float) -> list[int]:
    keep, splits = framecast_core.nms_rotated(
        boxes,
        scores,
        classes,
        splits_of([len(boxes)]),
        iou_thresholds=f32(iou),
        score_thresholds=f32(-np.inf),
        max_detections=i32(len(boxes)),
        class_agnostic=np.array([False]),
    )
    assert splits.tolist() == [0, len(keep)]
    kept: list[int] = keep.tolist()
    return kept


def by_shapely(
    boxes: NDArray[np.float32], scores: NDArray[np.float32], classes: NDArray[np.int32], iou: float
) -> list[int]:
    polygons = np.array([polygon(box) for box in boxes])
    inter = shapely.area(shapely.intersection(polygons[:, None], polygons[None]))
    areas = boxes[:, 2].astype(np.float64) * boxes[:, 3]
    suppresses = (inter / (areas[:, None] + areas[None] - inter) > np.float32(iou)) & (classes[:, None] == classes)
    kept: list[int] = []
    for i in sorted(range(len(boxes)), key=lambda i: (-scores[i], i)):
        if not suppresses[kept, i].any():
            kept.append(i)
    return kept


@pytest.mark.parametrize("iou", [0.0, 0.1, 0.35, 0.5, 0.8])
@pytest.mark.parametrize("seed", range(6))
def test_keeps_what_shapelys_polygons_say(seed: int, iou: float) -> None:
    rng = np.random.default_rng(seed)
    count = int(rng.integers(1, 250))
    boxes = rotated_boxes(rng, count)
    scores = (rng.integers(0, 60, count) / 60).astype(np.float32)
    classes = rng.integers(3, size=count, dtype=np.int32)
    assert run(boxes, scores, classes, iou) == by_shapely(boxes, scores, classes, iou)


def test_boxes_that_are_not_turned_are_kept_as_nms_keeps_them() -> None:
    rng = np.random.default_rng(1)
    # Quarters are exact in float32, so both compute the very same IoU.
    boxes = np.concatenate([rng.integers(0, 100, (400, 2)), rng.integers(1, 50, (400, 2)), np.zeros((400, 1))], axis=1)
    boxes = (boxes / 4).astype(np.float32)
    corners = np.concatenate([boxes[:, :2] - boxes[:, 2:4] / 2, boxes[:, :2] + boxes[:, 2:4] / 2], axis=1)
    scores = rng.random(400).astype(np.float32)
    classes = np.zeros(400, np.int32)
    expected, _ = framecast_core.nms(
        corners,
        scores,
        classes,
        splits_of([400]),
        iou_thresholds=f32(0.3),
        score_thresholds=f32(-1),
        max_detections=i32(400),
        class_agnostic=np.array([False]),
    )
    assert run(boxes, scores, classes, 0.3) == expected.tolist()


def test_angles_are_radians_from_x_towards_y() -> None:
    # A bar along the diagonal y = x covers the square on it, and not the one on y = -x.
    boxes = f32(0, 0, 40, 2, np.pi / 4, 10, 10, 1, 1, 0, 10, -10, 1, 1, 0).reshape(3, 5)
    assert run(boxes, f32(3, 2, 1), i32(0, 0, 0), 0.0) == [0, 2]
    boxes[0, 4] += 20 * np.pi
    assert run(boxes, f32(3, 2, 1), i32(0, 0, 0), 0.0) == [0, 2]


def test_rows_that_are_not_finite_are_dropped_and_those_without_area_stay() -> None:
    boxes = np.tile(f32(5, 5, 4, 4, 0.5), (8, 1))
    for row, value in enumerate([np.nan, np.inf, np.nan, -np.inf, np.nan]):
        boxes[row, row] = value
    boxes[5, 2], boxes[6, 3] = 0, -4
    assert run(boxes, f32(9, 9, 9, 9, 9, 7, 6, 5), np.zeros(8, np.int32), 0.0) == [5, 6, 7]


def test_each_image_has_its_own_settings_and_a_pool_changes_nothing() -> None:
    rng = np.random.default_rng(8)
    counts = [0, 40, 0, 70, 25]
    boxes = rotated_boxes(rng, sum(counts))
    scores = rng.random(len(boxes)).astype(np.float32)
    classes = rng.integers(3, size=len(boxes), dtype=np.int32)
    splits = splits_of(counts)
    settings: dict[str, Any] = {
        "iou_thresholds": f32(0.5, 0.3, 0.5, 0.7, 0.0),
        "score_thresholds": f32(0, 0.5, 0, 0.1, 0),
        "max_detections": i32(5, 9, 1, 30, 100),
        "class_agnostic": np.array([0, 1, 0, 0, 1], np.uint8),
    }
    keep, keep_splits = framecast_core.nms_rotated(boxes, scores, classes, splits, **settings)
    for b, count in enumerate(counts):
        rows = slice(splits[b], splits[b + 1])
        alone, _ = framecast_core.nms_rotated(
            boxes[rows],
            scores[rows],
            classes[rows],
            splits_of([count]),
            **{name: value[b : b + 1] for name, value in settings.items()},
        )
        np.testing.assert_array_equal(keep[keep_splits[b] : keep_splits[b + 1]] - splits[b], alone)
    pool = framecast_core.ThreadPool(2)
    for ours, theirs in zip(
        framecast_core.nms_rotated(boxes, scores, classes, splits, pool=pool, **settings),
        (keep, keep_splits),
        strict=True,
    ):
        np.testing.assert_array_equal(ours, theirs)


def arguments() -> dict[str, Any]:
    return {
        "boxes": np.zeros((3, 5), np.float32),
        "scores": np.zeros(3, np.float32),
        "classes": np.zeros(3, np.int32),
        "splits": splits_of([1, 2]),
        "iou_thresholds": f32(0.5, 0.5),
        "score_thresholds": f32(0, 0),
        "max_detections": i32(1, 1),
        "class_agnostic": np.zeros(2, bool),
    }


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("boxes", np.zeros((3, 4), np.float32)),
        ("scores", np.zeros(2, np.float32)),
        ("classes", np.zeros(4, np.int32)),
        ("splits", np.array([0, 2, 1, 3])),
        ("iou_thresholds", f32(0.5, 1.5)),
        ("score_thresholds", f32(0, np.nan)),
        ("max_detections", i32(1, -1)),
        ("class_agnostic", np.zeros(3, bool)),
    ],
)
def test_refuses_values_that_do_not_fit_by_name(name: str, value: NDArray[Any]) -> None:
    with pytest.raises(ValueError, match=f"^{name}: "):
        framecast_core.nms_rotated(**(arguments() | {name: value}))


@pytest.mark.parametrize(("name", "value"), [("boxes", np.zeros((3, 5))), ("class_agnostic", np.zeros(2, np.float32))])
def test_refuses_other_dtypes_instead_of_copying(name: str, value: NDArray[Any]) -> None:
    with pytest.raises(TypeError):
        framecast_core.nms_rotated(**(arguments() | {name: value}))
