"""Weighted boxes fusion against the paper's steps in NumPy; odd rows by their rule."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import framecast_core
from tests.unit.core.candidates import f32, i32, splits_of


@dataclass(frozen=True)
class Detections:
    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]
    classes: NDArray[np.int32]
    models: NDArray[np.int32]


def detections(rng: np.random.Generator, objects: int, models: int) -> Detections:
    """Most objects, found by most models, each with its own error; and a few boxes of nothing."""
    corners = rng.uniform(0, 500, (objects, 2))
    true = np.concatenate([corners, corners + rng.uniform(20, 150, (objects, 2))], axis=1)
    classes = rng.integers(3, size=objects)
    found = [(model, i) for model in range(models) for i in range(objects) if rng.random() < 0.8]
    jitter = rng.normal(0, 4, (len(found), 4))
    boxes = np.array([true[i] for _, i in found]).reshape(-1, 4) + jitter
    return Detections(
        boxes.astype(np.float32),
        rng.uniform(0.05, 1, len(found)).astype(np.float32),
        np.array([classes[i] for _, i in found], np.int32),
        np.array([model for model, _ in found], np.int32),
    )


def plain_iou(a: NDArray[Any], b: NDArray[Any]) -> float:
    sides = np.clip(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0, None)
    inter = float(sides[0] * sides[1])
    if inter <= 0:
        return 0.0
    area = float((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]))
    return inter / (area - inter)


def plain_fusion(
    given: Detections, weights: NDArray[np.float32], iou: float, floor: float, score: str
) -> list[tuple[float, int, NDArray[np.float64]]]:
    weighted = given.scores * weights[given.models]
    clusters: list[list[int]] = []
    fused: list[NDArray[np.float64]] = []
    for i in sorted(np.flatnonzero(given.scores > floor).tolist(), key=lambda i: (-weighted[i], i)):
        overlaps = [
            plain_iou(box, given.boxes[i]) if given.classes[members[0]] == given.classes[i] else 0.0
            for box, members in zip(fused, clusters, strict=True)
        ]
        best = int(np.argmax(overlaps)) if overlaps else -1
        if best >= 0 and overlaps[best] > iou:
            clusters[best].append(i)
        else:
            best = len(clusters)
            clusters.append([i])
            fused.append(np.zeros(4))
        members = clusters[best]
        fused[best] = np.average(given.boxes[members].astype(np.float64), axis=0, weights=weighted[members])
    result = []
    for box, members in zip(fused, clusters, strict=True):
        if score == "average":
            value = weighted[members].mean() * min(len(members), len(weights)) / weights.sum()
        else:
            value = weighted[members].max() / weights.max()
        result.append((float(value), int(given.classes[members[0]]), box))
    return sorted(result, key=lambda entry: -entry[0])


@pytest.mark.parametrize("score", ["average", "highest"])
@pytest.mark.parametrize("iou", [0.3, 0.55, 0.8])
@pytest.mark.parametrize("seed", range(4))
def test_fuses_as_the_papers_steps(seed: int, iou: float, score: Any) -> None:
    rng = np.random.default_rng(seed)
    models = int(rng.integers(1, 5))
    given = detections(rng, int(rng.integers(1, 60)), models)
    weights = rng.uniform(0.5, 3, models).astype(np.float32)
    boxes, scores, classes, splits = framecast_core.fuse_boxes(
        given.boxes,
        given.scores,
        given.classes,
        given.models,
        splits_of([len(given.boxes)]),
        model_weights=weights,
        iou_thresholds=f32(iou),
        score_thresholds=f32(0.1),
        max_detections=i32(1000),
        score=score,
    )
    expected = plain_fusion(given, weights, iou, 0.1, score)
    assert splits.tolist() == [0, len(expected)]
    np.testing.assert_allclose(scores, [value for value, _, _ in expected], rtol=1e-5)
    assert classes.tolist() == [label for _, label, _ in expected]
    np.testing.assert_allclose(boxes, np.array([box for _, _, box in expected]), atol=2e-4)


def test_views_of_one_image_that_agree_keep_their_score_and_one_alone_loses() -> None:
    boxes = f32(0, 0, 10, 10, 2, 0, 12, 10, 50, 50, 60, 60).reshape(3, 4)
    fused, scores, classes, _ = framecast_core.fuse_boxes(
        boxes,
        f32(0.75, 0.25, 0.5),
        i32(3, 3, 3),
        i32(0, 1, 1),
        splits_of([3]),
        model_weights=f32(1, 1),
        iou_thresholds=f32(0.55),
        score_thresholds=f32(0),
        max_detections=i32(10),
    )
    assert fused.tolist() == [[0.5, 0, 10.5, 10], [50, 50, 60, 60]]
    assert scores.tolist() == [0.5, 0.25]
    assert classes.tolist() == [3, 3]


def test_each_image_has_its_own_settings_and_a_pool_changes_nothing() -> None:
    rng = np.random.default_rng(5)
    images = [detections(rng, objects, 3) for objects in (0, 30, 0, 12, 5)]
    counts = [len(image.boxes) for image in images]
    whole = Detections(
        *(
            np.concatenate([getattr(image, name) for image in images])
            for name in ("boxes", "scores", "classes", "models")
        )
    )
    settings: dict[str, Any] = {
        "iou_thresholds": f32(0.5, 0.3, 0.5, 0.7, 0.1),
        "score_thresholds": f32(0, 0.3, 0, 0.1, 0),
        "max_detections": i32(5, 9, 1, 30, 100),
    }
    weights = f32(1, 2, 0.5)

    def run(given: Detections, counts: list[int], pool: Any = None, **settings: Any) -> tuple[NDArray[Any], ...]:
        return framecast_core.fuse_boxes(
            given.boxes,
            given.scores,
            given.classes,
            given.models,
            splits_of(counts),
            model_weights=weights,
            pool=pool,
            **settings,
        )

    together = run(whole, counts, **settings)
    splits = together[3]
    for b, image in enumerate(images):
        alone = run(image, counts[b : b + 1], **{name: value[b : b + 1] for name, value in settings.items()})
        for ours, theirs in zip(together[:3], alone[:3], strict=True):
            np.testing.assert_array_equal(ours[splits[b] : splits[b + 1]], theirs)
    for ours, theirs in zip(together, run(whole, counts, framecast_core.ThreadPool(2), **settings), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_rows_that_are_not_finite_are_dropped_and_boxes_without_area_join_none() -> None:
    boxes = np.tile(f32(1, 1, 1, 3), (6, 1))
    boxes[2, 1], boxes[3, 2] = np.nan, np.inf
    fused, scores, _, _ = framecast_core.fuse_boxes(
        boxes,
        f32(np.nan, np.inf, 0.5, 0.5, 0.5, 0.25),
        i32(0, 0, 0, 0, 0, 0),
        i32(0, 0, 0, 0, 0, 0),
        splits_of([6]),
        model_weights=f32(1),
        iou_thresholds=f32(0),
        score_thresholds=f32(0),
        max_detections=i32(10),
    )
    assert fused.tolist() == [[1, 1, 1, 3], [1, 1, 1, 3]]
    assert scores.tolist() == [0.5, 0.25]


def arguments() -> dict[str, Any]:
    return {
        "boxes": np.zeros((3, 4), np.float32),
        "scores": np.zeros(3, np.float32),
        "classes": np.zeros(3, np.int32),
        "models": i32(0, 1, 0),
        "splits": splits_of([1, 2]),
        "model_weights": f32(1, 1),
        "iou_thresholds": f32(0.5, 0.5),
        "score_thresholds": f32(0, 0),
        "max_detections": i32(1, 1),
    }


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("boxes", np.zeros((3, 5), np.float32)),
        ("scores", np.zeros(2, np.float32)),
        ("models", i32(0, 2, 0)),
        ("models", i32(0, -1, 0)),
        ("models", i32(0, 1)),
        ("model_weights", f32(1, 0)),
        ("model_weights", f32(1, np.inf)),
        ("iou_thresholds", f32(0.5)),
        ("score_thresholds", f32(0, -1)),
        ("max_detections", i32(-1, 1)),
        ("score", "mean"),
    ],
)
def test_refuses_values_that_do_not_fit_by_name(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"^{name}: "):
        framecast_core.fuse_boxes(**(arguments() | {name: value}))


@pytest.mark.parametrize(("name", "value"), [("boxes", np.zeros((3, 4))), ("models", np.zeros(3, np.int64))])
def test_refuses_other_dtypes_instead_of_copying(name: str, value: NDArray[Any]) -> None:
    with pytest.raises(TypeError):
        framecast_core.fuse_boxes(**(arguments() | {name: value}))
