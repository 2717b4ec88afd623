"""NMS against torchvision's vanilla per-class NMS and a plain loop; ties, NaN and degenerate boxes by their rule."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
import torchvision
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import framecast_core
from tests.unit.core.candidates import clustered_boxes, f32, i32, splits_of
from tests.unit.core.nms_reference import by_framecast, random_case, reference


def run(
    boxes: NDArray[np.float32],
    scores: NDArray[np.float32],
    classes: NDArray[np.int32],
    *,
    iou: float = 0.5,
    score: float = -np.inf,
    limit: int = 1_000_000,
    agnostic: bool = False,
) -> list[int]:
    keep, splits = framecast_core.nms(
        boxes,
        scores,
        classes,
        splits_of([len(boxes)]),
        iou_thresholds=f32(iou),
        score_thresholds=f32(score),
        max_detections=i32(limit),
        class_agnostic=np.array([agnostic]),
    )
    assert splits.tolist() == [0, len(keep)]
    kept: list[int] = keep.tolist()
    return kept


def float_iou(a: NDArray[np.float32], b: NDArray[np.float32]) -> np.float32:
    """torchvision's formula, each operation rounded to float32."""
    zero = np.float32(0)
    width = max(zero, min(a[2], b[2]) - max(a[0], b[0]))
    height = max(zero, min(a[3], b[3]) - max(a[1], b[1]))
    inter = np.float32(width * height)
    area_a = np.float32((a[2] - a[0]) * (a[3] - a[1]))
    area_b = np.float32((b[2] - b[0]) * (b[3] - b[1]))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.float32(inter / np.float32(area_a + area_b - inter))


def plain_nms(
    boxes: NDArray[np.float32],
    scores: NDArray[np.float32],
    classes: NDArray[np.int32],
    iou: float,
    score: float,
    limit: int,
    agnostic: bool,
) -> list[int]:
    enters = (scores > np.float32(score)) & np.isfinite(boxes).all(axis=1)
    kept: list[int] = []
    for i in sorted(np.flatnonzero(enters), key=lambda i: (-scores[i], i)):
        rivals = [k for k in kept if agnostic or classes[k] == classes[i]]
        if not any(float_iou(boxes[k], boxes[i]) > np.float32(iou) for k in rivals):
            kept.append(int(i))
    return kept[:limit]


@pytest.mark.parametrize("count", [1, 2, 15, 16, 17, 300, 3000])
@pytest.mark.parametrize("iou", [0.0, 0.25, 0.5, 1.0])
def test_keeps_what_torchvision_keeps_of_one_class(count: int, iou: float) -> None:
    rng = np.random.default_rng(count)
    boxes = clustered_boxes(rng, count)
    scores = rng.permutation(count).astype(np.float32)
    expected = torchvision.ops.nms(torch.from_numpy(boxes), torch.from_numpy(scores), iou).tolist()
    assert run(boxes, scores, np.zeros(count, np.int32), iou=iou) == expected
    assert run(boxes, scores, rng.integers(9, size=count, dtype=np.int32), iou=iou, agnostic=True) == expected


def test_keeps_per_class_what_torchvision_keeps() -> None:
    rng = np.random.default_rng(3)
    boxes, scores = clustered_boxes(rng, 5000), rng.permutation(5000).astype(np.float32)
    classes = rng.integers(-2, 20, size=5000, dtype=np.int32)
    expected = torchvision.ops.boxes._batched_nms_vanilla(
        torch.from_numpy(boxes), torch.from_numpy(scores), torch.from_numpy(classes), 0.5
    )
    assert run(boxes, scores, classes) == expected.tolist()


def test_is_exact_far_from_the_origin_where_class_offsets_round() -> None:
    # IoU is exactly 0.5 of float32; adding a class offset of thousands of pixels changes it.
    boxes = np.array([[0, 0, 1, 1], [0, 0, 1, 0.50000006]], np.float32)
    shifted = boxes + np.float32(80 * 4097)
    assert run(boxes, f32(2, 1), i32(80, 80), iou=0.5) == [0]
    assert torchvision.ops.nms(torch.from_numpy(shifted), torch.tensor([2.0, 1.0]), 0.5).tolist() == [0, 1]


def test_iou_equal_to_the_threshold_does_not_suppress() -> None:
    boxes = np.array([[0, 0, 4, 2], [0, 0, 4, 1]], np.float32)
    assert run(boxes, f32(0.9, 0.8), i32(0, 0), iou=0.5) == [0, 1]
    assert run(boxes, f32(0.9, 0.8), i32(0, 0), iou=0.49) == [0]


def test_score_equal_to_the_threshold_does_not_enter() -> None:
    boxes = np.array([[0, 0, 1, 1], [5, 5, 6, 6]], np.float32)
    assert run(boxes, f32(0.25, 0.2500001), i32(0, 0), score=0.25) == [1]


def test_equal_scores_go_by_row() -> None:
    boxes = np.tile(f32(0, 0, 2, 2), (5, 1))
    boxes[3] += 10
    assert run(boxes, f32(0.5, 0.5, 0.5, 0.5, 0.5), i32(0, 0, 0, 0, 0)) == [0, 3]
    assert run(boxes, f32(0.5, 0.5, 0.5, 0.5, 0.5), i32(3, 1, 2, 1, 0)) == [0, 1, 2, 3, 4]


def test_max_detections_takes_the_best_of_all_classes() -> None:
    boxes = np.arange(24, dtype=np.float32).reshape(6, 4) * np.float32(10)
    scores = f32(0.1, 0.6, 0.5, 0.4, 0.3, 0.2)
    assert run(boxes, scores, i32(0, 1, 0, 1, 0, 1), limit=3) == [1, 2, 3]
    assert run(boxes, scores, i32(0, 1, 0, 1, 0, 1), limit=0) == []


def test_nan_and_infinite_rows_are_dropped_and_suppress_nothing() -> None:
    box = [0.0, 0.0, 2.0, 2.0]
    bad = [[np.nan, 0, 2, 2], [0, 0, 2, np.nan], [0, -np.inf, 2, 2], [0, 0, np.inf, 2]]
    boxes = np.array([*bad, box, box], np.float32)
    assert run(boxes, f32(9, 9, 9, 9, np.nan, 0.5), i32(0, 0, 0, 0, 0, 0)) == [5]
    assert run(boxes, f32(9, 9, 9, 9, np.inf, 0.5), i32(0, 0, 0, 0, 0, 0)) == [4]


def test_boxes_without_area_neither_suppress_nor_are_suppressed() -> None:
    boxes = np.array([[1, 1, 1, 3], [0, 0, 4, 4], [1, 1, 1, 3], [3, 3, 1, 1], [3, 3, 1, 1]], np.float32)
    assert run(boxes, f32(5, 4, 3, 2, 1), i32(0, 0, 0, 0, 0), iou=0.0) == [0, 1, 2, 3, 4]


def test_each_image_has_its_own_settings() -> None:
    rng = np.random.default_rng(8)
    counts = [0, 40, 0, 70, 25]
    boxes = clustered_boxes(rng, sum(counts), size=100)
    scores = rng.uniform(size=len(boxes)).astype(np.float32)
    classes = rng.integers(3, size=len(boxes), dtype=np.int32)
    ious, floors, limits = f32(0.5, 0.3, 0.5, 0.7, 0.0), f32(0, 0.5, 0, 0.1, 0), i32(5, 9, 1, 30, 100)
    agnostic = np.array([0, 1, 0, 0, 1], np.uint8)
    splits = splits_of(counts)
    keep, keep_splits = framecast_core.nms(
        boxes,
        scores,
        classes,
        splits,
        iou_thresholds=ious,
        score_thresholds=floors,
        max_detections=limits,
        class_agnostic=agnostic,
    )
    for b in range(len(counts)):
        rows = slice(splits[b], splits[b + 1])
        alone = plain_nms(
            boxes[rows], scores[rows], classes[rows], ious[b], floors[b], int(limits[b]), bool(agnostic[b])
        )
        assert (keep[keep_splits[b] : keep_splits[b + 1]] - splits[b]).tolist() == alone


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.integers(0, 2**32 - 1), st.integers(0, 40), st.sampled_from([0.0, 0.3, 0.5]), st.booleans())
def test_equals_the_plain_loop_on_coarse_boxes_with_ties(seed: int, count: int, iou: float, agnostic: bool) -> None:
    rng = np.random.default_rng(seed)
    # Coarse numbers make duplicates, inverted and empty boxes, and ties of score and IoU.
    boxes = rng.integers(-1, 6, (count, 4)).astype(np.float32)
    scores = (rng.integers(0, 5, count) / 4).astype(np.float32)
    boxes[rng.random((count, 4)) < 0.01] = np.nan
    scores[rng.random(count) < 0.05] = np.nan
    classes = rng.integers(3, size=count, dtype=np.int32)
    expected = plain_nms(boxes, scores, classes, iou, 0.2, 12, agnostic)
    assert run(boxes, scores, classes, iou=iou, score=0.2, limit=12, agnostic=agnostic) == expected


@pytest.mark.parametrize("first", range(0, 600, 60))
def test_equals_the_reference_on_random_cases(first: int) -> None:
    # `scripts/check_core_nms.py` runs ten thousand, some of them with 300,000 boxes.
    for number in range(first, first + 60):
        if number % 500 != 499:
            request = random_case(number)
            assert by_framecast(request) == reference(request), f"case {number}: {request.notes}"


SQUARES = np.array([[0, 0, 4, 4], [0, 0, 4, 4.5], [9, 9, 12, 12], [20, 0, 24, 4], [20, 0, 24, 4.5]], np.float32)


def run_with(
    scores: NDArray[np.float32], classes: NDArray[np.int32], agnostic: bool = False, **options: Any
) -> list[int]:
    keep, _ = framecast_core.nms(
        SQUARES,
        scores,
        classes,
        splits_of([len(SQUARES)]),
        iou_thresholds=f32(0.5),
        score_thresholds=f32(0.1),
        max_detections=i32(100),
        class_agnostic=np.array([agnostic]),
        **options,
    )
    kept: list[int] = keep.tolist()
    return kept


def test_a_class_needs_its_own_score_as_well() -> None:
    scores, classes = f32(0.5, 0.4, 0.3, 0.2, 0.15), i32(0, 1, 0, 1, 1)
    floors = np.array([[0.3, 0.15]], np.float32)
    # Row 2 is not above its class's threshold but equal to it, nor is row 4.
    assert run_with(scores, classes, class_score_thresholds=floors) == [0, 1, 3]
    # The threshold of the image still counts.
    assert run_with(scores, classes, class_score_thresholds=np.full((1, 2), -1, np.float32)) == [0, 1, 2, 3]


def test_rows_of_filtered_classes_neither_stay_nor_suppress() -> None:
    scores, classes = f32(0.9, 0.8, 0.7, 0.6, 0.5), i32(0, 1, 0, 0, 1)
    only_1 = np.array([[False, True]])
    assert run_with(scores, classes, class_filter=only_1) == [1, 4]
    assert run_with(scores, classes, agnostic=True) == [0, 2, 3]
    assert run_with(scores, classes, agnostic=True, class_filter=only_1) == [1, 4]


def test_max_candidates_takes_the_best_before_suppression() -> None:
    scores, classes = f32(0.9, 0.8, 0.5, 0.5, 0.5), i32(0, 0, 0, 0, 0)
    # The second candidate is suppressed and no other takes its place; ties go to the lower row.
    assert run_with(scores, classes, max_candidates=i32(2)) == [0]
    assert run_with(scores, classes, max_candidates=i32(3)) == [0, 2]
    assert run_with(scores, classes, max_candidates=i32(0)) == []
    # Filtered rows are none.
    assert run_with(scores, i32(1, 0, 0, 0, 0), max_candidates=i32(1), class_filter=np.array([[True, False]])) == [1]


def test_max_per_class_counts_what_stays() -> None:
    scores, classes = f32(0.9, 0.8, 0.7, 0.6, 0.5), i32(0, 0, 0, 1, 1)
    assert run_with(scores, classes, max_per_class=i32(1)) == [0, 3]
    assert run_with(scores, classes, max_per_class=i32(2)) == [0, 2, 3]
    assert run_with(scores, classes, max_per_class=i32(0)) == []
    assert run_with(scores, classes, agnostic=True, max_per_class=i32(2)) == [0, 2]


def test_options_of_each_image_with_and_without_a_pool() -> None:
    rng = np.random.default_rng(12)
    requests = [random_case(number) for number in range(2000, 2400)]
    requests = [r for r in requests if len(r.boxes) > 0 and int(r.classes.max()) < 5][:100]
    splits = splits_of([len(r.boxes) for r in requests])
    floors = rng.uniform(-0.2, 0.6, (len(requests), 5)).astype(np.float32)
    allowed = rng.random((len(requests), 5)) < 0.7
    candidates = rng.integers(200, size=len(requests), dtype=np.int32)
    per_class = rng.integers(30, size=len(requests), dtype=np.int32)
    given: dict[str, Any] = {
        "boxes": np.concatenate([r.boxes for r in requests]),
        "scores": np.concatenate([r.scores for r in requests]),
        "classes": np.concatenate([r.classes for r in requests]),
        "splits": splits,
        "iou_thresholds": f32(*(r.iou for r in requests)),
        "score_thresholds": f32(*(r.score for r in requests)),
        "max_detections": i32(*(r.limit for r in requests)),
        "class_agnostic": np.array([r.agnostic for r in requests]),
        "class_score_thresholds": floors,
        "class_filter": allowed,
        "max_candidates": candidates,
        "max_per_class": per_class,
    }
    keep, keep_splits = framecast_core.nms(**given)
    pooled, pooled_splits = framecast_core.nms(**given, pool=framecast_core.ThreadPool(3))
    assert pooled.tolist() == keep.tolist()
    assert pooled_splits.tolist() == keep_splits.tolist()
    assert len(keep) > 300
    for b, request in enumerate(requests):
        alone = replace(
            request,
            class_scores=floors[b],
            allowed=allowed[b],
            max_candidates=int(candidates[b]),
            max_per_class=int(per_class[b]),
        )
        assert (keep[keep_splits[b] : keep_splits[b + 1]] - splits[b]).tolist() == reference(alone)


def arguments() -> dict[str, Any]:
    return {
        "boxes": np.zeros((3, 4), np.float32),
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
        ("boxes", np.zeros((3, 5), np.float32)),
        ("scores", np.zeros(2, np.float32)),
        ("classes", np.zeros(4, np.int32)),
        ("splits", np.array([0, 2, 1, 3])),
        ("splits", np.array([1, 2, 3])),
        ("splits", np.array([0, 1, 2])),
        ("splits", np.zeros(0, np.int64)),
        ("iou_thresholds", f32(0.5)),
        ("iou_thresholds", f32(0.5, 1.5)),
        ("iou_thresholds", f32(0.5, np.nan)),
        ("score_thresholds", f32(0, np.nan)),
        ("max_detections", i32(1, -1)),
        ("class_agnostic", np.zeros(3, bool)),
        ("class_score_thresholds", np.zeros((1, 3), np.float32)),
        ("class_score_thresholds", np.full((2, 3), np.nan, np.float32)),
        ("class_filter", np.ones((3, 2), bool)),
        ("class_filter", np.ones((2, 0), bool)),
        ("max_candidates", i32(1)),
        ("max_candidates", i32(1, -1)),
        ("max_per_class", i32(1, 2, 3)),
        ("max_per_class", i32(-1, 2)),
    ],
)
def test_refuses_values_that_do_not_fit_by_name(name: str, value: NDArray[Any]) -> None:
    with pytest.raises(ValueError, match=f"^{name}: "):
        framecast_core.nms(**(arguments() | {name: value}))


@pytest.mark.parametrize("label", [-1, 2, 2**31 - 1, -(2**31)])
def test_refuses_classes_outside_of_the_tables(label: int) -> None:
    given = arguments() | {"classes": i32(0, label, 1)}
    framecast_core.nms(**given)
    tables: dict[str, Any] = {
        "class_filter": np.ones((2, 2), bool),
        "class_score_thresholds": np.zeros((2, 2), np.float32),
    }
    for name, table in tables.items():
        with pytest.raises(ValueError, match=r"^classes: "):
            framecast_core.nms(**(given | {name: table}))
    tables["class_filter"] = np.ones((2, 3), bool)
    with pytest.raises(ValueError, match=r"^class_filter: "):
        framecast_core.nms(**(arguments() | tables))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("boxes", np.zeros((3, 4))),
        ("boxes", np.zeros((4, 3), np.float32).T),
        ("scores", np.zeros(3)),
        ("classes", np.zeros(3, np.int64)),
        ("class_agnostic", np.zeros(2, np.float32)),
        ("class_score_thresholds", np.zeros((2, 3))),
        ("class_filter", np.ones((2, 3), np.uint8)),
        ("max_candidates", np.ones(2, np.int64)),
        ("max_per_class", np.ones(2, np.int64)),
    ],
)
def test_refuses_other_dtypes_and_layouts_instead_of_copying(name: str, value: NDArray[Any]) -> None:
    with pytest.raises(TypeError):
        framecast_core.nms(**(arguments() | {name: value}))
