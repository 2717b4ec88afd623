"""Soft-NMS against the paper's loop in NumPy; NaN and degenerate boxes by their rule."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import framecast_core
from tests.unit.core.candidates import clustered_boxes, f32, i32, splits_of


def plain_soft_nms(
    boxes: NDArray[np.float32],
    scores: NDArray[np.float32],
    classes: NDArray[np.int32],
    *,
    iou: float | None,
    sigma: float | None,
    floor: float,
    limit: int,
) -> tuple[list[int], list[float]]:
    """Figure 2 of the paper, in float64."""
    at, lowered = boxes.astype(np.float64), scores.astype(np.float64)
    areas = (at[:, 2] - at[:, 0]) * (at[:, 3] - at[:, 1])
    left = np.isfinite(boxes).all(axis=1) & (lowered > floor)
    kept: list[int] = []
    kept_scores: list[float] = []
    while left.any() and len(kept) < limit:
        best = int(np.argmax(np.where(left, lowered, -np.inf)))
        left[best] = False
        kept.append(best)
        kept_scores.append(float(lowered[best]))
        sides = np.minimum(at[:, 2:], at[best, 2:]) - np.maximum(at[:, :2], at[best, :2])
        inter = np.clip(sides, 0, None).prod(axis=1)
        union = areas + areas[best] - inter
        overlap = np.divide(inter, union, out=np.zeros_like(inter), where=inter > 0)
        overlap[classes != classes[best]] = 0
        if iou is not None:
            lowered *= np.where(overlap > iou, 1 - overlap, 1)
        if sigma is not None:
            lowered *= np.exp(-(overlap**2) / sigma)
        left &= lowered > floor
    return kept, kept_scores


def run(
    boxes: NDArray[np.float32],
    scores: NDArray[np.float32],
    classes: NDArray[np.int32],
    *,
    iou: float | None = None,
    sigma: float | None = None,
    floor: float = 0.001,
    limit: int = 100_000,
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    keep, kept_scores, splits = framecast_core.soft_nms(
        boxes,
        scores,
        classes,
        splits_of([len(boxes)]),
        iou_thresholds=None if iou is None else f32(iou),
        sigmas=None if sigma is None else f32(sigma),
        score_thresholds=f32(floor),
        max_detections=i32(limit),
        class_agnostic=np.array([False]),
    )
    assert splits.tolist() == [0, len(keep)]
    return keep, kept_scores


@pytest.mark.parametrize(("iou", "sigma"), [(0.3, None), (0.0, None), (0.7, None), (None, 0.5), (None, 0.1)])
@pytest.mark.parametrize("seed", range(5))
def test_keeps_and_scores_as_the_papers_loop(seed: int, iou: float | None, sigma: float | None) -> None:
    rng = np.random.default_rng(seed)
    count = int(rng.integers(1, 700))
    boxes = clustered_boxes(rng, count)
    boxes[rng.random(count) < 0.02, 1] = np.nan
    scores = rng.random(count).astype(np.float32)
    classes = rng.integers(4, size=count, dtype=np.int32)
    keep, kept_scores = run(boxes, scores, classes, iou=iou, sigma=sigma)
    expected, expected_scores = plain_soft_nms(
        boxes, scores, classes, iou=iou, sigma=sigma, floor=0.001, limit=len(boxes)
    )
    # Rounding may change places of two scores that are next to equal, so rows are compared as sets.
    ours = dict(zip(keep.tolist(), kept_scores.tolist(), strict=True))
    theirs = dict(zip(expected, expected_scores, strict=True))
    for row in ours.keys() ^ theirs.keys():
        assert ours.get(row, theirs.get(row)) == pytest.approx(0.001, rel=1e-4)
    both = sorted(ours.keys() & theirs.keys())
    assert len(both) > 0.9 * len(expected)
    np.testing.assert_allclose([ours[row] for row in both], [theirs[row] for row in both], rtol=2e-5)
    assert (np.diff(kept_scores) <= 0).all()


def test_linear_decay_is_one_minus_iou_above_the_threshold() -> None:
    boxes = f32(0, 0, 10, 10, 0, 0, 10, 5, 0, 0, 10, 2).reshape(3, 4)
    keep, scores = run(boxes, f32(0.9, 0.8, 0.7), i32(0, 0, 0), iou=0.45)
    # IoU 0.5 and 0.2 with the first, 0.4 with the second.
    assert keep.tolist() == [0, 2, 1]
    assert scores.tolist() == pytest.approx([0.9, 0.7, 0.4])


def test_gaussian_decay() -> None:
    boxes = f32(0, 0, 10, 10, 0, 0, 10, 5, 20, 0, 30, 2).reshape(3, 4)
    keep, scores = run(boxes, f32(0.9, 0.8, 0.7), i32(0, 0, 0), sigma=0.5)
    assert keep.tolist() == [0, 2, 1]
    assert scores.tolist() == pytest.approx([0.9, 0.7, 0.8 * np.exp(-0.5)])


def test_other_classes_are_not_lowered_and_equal_scores_go_by_row() -> None:
    boxes = np.tile(f32(0, 0, 2, 2), (4, 1))
    keep, scores = run(boxes, f32(0.5, 0.5, 0.5, 0.5), i32(1, 0, 1, 2), iou=0.5)
    assert keep.tolist() == [0, 1, 3]
    assert scores.tolist() == [0.5, 0.5, 0.5]


def test_each_image_has_its_own_settings_and_a_pool_changes_nothing() -> None:
    rng = np.random.default_rng(8)
    counts = [0, 40, 0, 70, 25]
    boxes = clustered_boxes(rng, sum(counts), size=100)
    scores = rng.random(len(boxes)).astype(np.float32)
    classes = rng.integers(3, size=len(boxes), dtype=np.int32)
    splits = splits_of(counts)
    settings: dict[str, Any] = {
        "sigmas": f32(0.5, 0.3, 0.5, 0.7, 0.1),
        "score_thresholds": f32(0, 0.3, 0, 0.1, 0),
        "max_detections": i32(5, 9, 1, 30, 100),
        "class_agnostic": np.array([0, 1, 0, 0, 1], np.uint8),
    }
    keep, kept_scores, keep_splits = framecast_core.soft_nms(boxes, scores, classes, splits, **settings)
    for b, count in enumerate(counts):
        rows = slice(splits[b], splits[b + 1])
        alone, alone_scores, _ = framecast_core.soft_nms(
            boxes[rows],
            scores[rows],
            classes[rows],
            splits_of([count]),
            **{name: value[b : b + 1] for name, value in settings.items()},
        )
        kept = slice(keep_splits[b], keep_splits[b + 1])
        np.testing.assert_array_equal(keep[kept] - splits[b], alone)
        np.testing.assert_array_equal(kept_scores[kept], alone_scores)
    pooled = framecast_core.soft_nms(boxes, scores, classes, splits, pool=framecast_core.ThreadPool(2), **settings)
    for ours, theirs in zip(pooled, (keep, kept_scores, keep_splits), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def arguments() -> dict[str, Any]:
    return {
        "boxes": np.zeros((3, 4), np.float32),
        "scores": np.zeros(3, np.float32),
        "classes": np.zeros(3, np.int32),
        "splits": splits_of([1, 2]),
        "iou_thresholds": f32(0.5, 0.5),
        "sigmas": None,
        "score_thresholds": f32(0, 0),
        "max_detections": i32(1, 1),
        "class_agnostic": np.zeros(2, bool),
    }


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("boxes", np.zeros((3, 5), np.float32)),
        ("scores", np.zeros(2, np.float32)),
        ("splits", np.array([0, 2, 1, 3])),
        ("iou_thresholds", f32(0.5, 1.5)),
        ("score_thresholds", f32(0, -0.5)),
        ("sigmas", f32(0.5, 0.5)),
        ("max_detections", i32(1, -1)),
        ("class_agnostic", np.zeros(3, bool)),
    ],
)
def test_refuses_values_that_do_not_fit_by_name(name: str, value: NDArray[Any]) -> None:
    with pytest.raises(ValueError, match=f"^{name}: "):
        framecast_core.soft_nms(**(arguments() | {name: value}))


@pytest.mark.parametrize("sigmas", [None, f32(0.5, 0), f32(0.5, np.nan), f32(0.5), f32()])
def test_refuses_sigmas_that_are_missing_or_not_positive(sigmas: NDArray[np.float32] | None) -> None:
    with pytest.raises(ValueError, match=r"^sigmas: "):
        framecast_core.soft_nms(**(arguments() | {"iou_thresholds": None, "sigmas": sigmas}))


@pytest.mark.parametrize(("name", "value"), [("boxes", np.zeros((3, 4))), ("iou_thresholds", np.zeros(2))])
def test_refuses_other_dtypes_instead_of_copying(name: str, value: NDArray[Any]) -> None:
    with pytest.raises(TypeError):
        framecast_core.soft_nms(**(arguments() | {name: value}))
