"""Decoded outputs of exported YOLO graphs against NumPy, and every stored type against float32."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import framecast_core
from tests.unit.core.candidates import f32
from tests.unit.core.stored_types import STORED_TYPES, store

CLASSES = 7
OTHERS = 3
BATCH = 2
POSITIONS = 300


def output(objectness: bool, seed: int = 0) -> NDArray[np.float32]:
    """[B, N, D] with odd numbers in places."""
    rng = np.random.default_rng(seed)
    boxes = rng.uniform(0, 640, (BATCH, POSITIONS, 4))
    scores = rng.uniform(0, 1, (BATCH, POSITIONS, objectness + CLASSES)) ** 2
    all_of = np.concatenate([boxes, scores, rng.normal(0, 1, (BATCH, POSITIONS, OTHERS))], axis=2).astype(np.float32)
    odd = rng.random(all_of.shape) < 0.01
    all_of[odd] = rng.choice(f32(np.nan, np.inf, -np.inf, -1), int(odd.sum()))
    return all_of


def decode(given: Any, **overrides: Any) -> tuple[NDArray[Any], ...]:
    options: dict[str, Any] = {
        "score_thresholds": f32(0.25, 0.05),
        "class_filter": None,
        "multi_label": False,
        "objectness": True,
        "channels_first": False,
        "classes": CLASSES,
    }
    return framecast_core.decode_detections(given, **(options | overrides))


def reference(
    rows: NDArray[np.float32], objectness: bool, threshold: float, allowed: NDArray[np.bool_], multi_label: bool
) -> tuple[NDArray[Any], ...]:
    """One image as a pipeline in NumPy would do it."""
    first = 5 if objectness else 4
    scores = np.where(allowed, rows[:, first : first + CLASSES], np.nan)
    with np.errstate(invalid="ignore"):
        final = scores * rows[:, 4:5] if objectness else scores
        passing = final > np.float32(threshold)
        if objectness:
            passing &= rows[:, 4:5] > np.float32(threshold)
        if not multi_label:
            best = np.where(np.isnan(scores), -np.inf, scores).argmax(1)
            passing &= np.arange(CLASSES) == best[:, None]
        half = rows[:, 2:4] / 2
        boxes = np.concatenate([rows[:, :2] - half, rows[:, :2] + half], axis=1)
    passing &= np.isfinite(boxes).all(1)[:, None]
    positions, classes = passing.nonzero()
    return boxes[positions], final[positions, classes], classes, positions


@pytest.mark.parametrize("objectness", [False, True])
@pytest.mark.parametrize("channels_first", [False, True])
@pytest.mark.parametrize("multi_label", [False, True])
@pytest.mark.parametrize("filtered", [False, True])
def test_equals_numpy(objectness: bool, channels_first: bool, multi_label: bool, filtered: bool) -> None:
    rows = output(objectness)
    allowed = np.random.default_rng(1).random((BATCH, CLASSES)) < (0.6 if filtered else 2)
    given = np.ascontiguousarray(rows.transpose(0, 2, 1)) if channels_first else rows
    boxes, scores, classes, sources, splits = decode(
        given,
        objectness=objectness,
        channels_first=channels_first,
        multi_label=multi_label,
        class_filter=allowed if filtered else None,
    )
    assert splits[0] == 0
    for b, threshold in enumerate((0.25, 0.05)):
        expected = reference(rows[b], objectness, threshold, allowed[b], multi_label)
        own = slice(splits[b], splits[b + 1])
        for ours, theirs in zip((boxes, scores, classes, sources), expected, strict=True):
            np.testing.assert_array_equal(ours[own], theirs)
        assert len(expected[0]) > 50


@pytest.mark.parametrize("kind", STORED_TYPES)
@pytest.mark.parametrize("channels_first", [False, True])
@pytest.mark.parametrize("multi_label", [False, True])
def test_a_stored_type_equals_the_float32_numbers_that_it_means(
    kind: str, channels_first: bool, multi_label: bool
) -> None:
    rows = output(True, seed=2)
    rows[..., :4] /= 640  # One scale for all numbers of a byte.
    given, numbers = store(np.ascontiguousarray(rows.transpose(0, 2, 1)) if channels_first else rows, kind)
    ours = decode(given, channels_first=channels_first, multi_label=multi_label)
    expected = decode(numbers, channels_first=channels_first, multi_label=multi_label)
    assert len(expected[0]) > 50
    for a, b in zip(ours, expected, strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_pool_changes_nothing() -> None:
    rows = output(True, seed=3)
    pool = framecast_core.ThreadPool(3)
    for a, b in zip(decode(rows), decode(rows, pool=pool), strict=True):
        np.testing.assert_array_equal(a, b)


def test_all_that_follows_is_a_class_unless_told() -> None:
    rows = np.zeros((1, 1, 8), np.float32)
    rows[0, 0, 4:] = [0.9, 0.1, 0.2, 0.8]
    assert decode(rows, score_thresholds=f32(0.3), classes=None)[2].tolist() == [2]
    assert decode(rows, score_thresholds=f32(0.3), classes=2)[2].tolist() == []
    assert decode(rows, score_thresholds=f32(0.3), classes=None, objectness=False)[2].tolist() == [0]


def test_nothing_in_nothing_out() -> None:
    boxes, scores, _, sources, splits = decode(
        np.zeros((0, 10, 5 + CLASSES), np.float32), score_thresholds=np.zeros(0, np.float32)
    )
    assert (boxes.shape, len(scores), len(sources), splits.tolist()) == ((0, 4), 0, 0, [0])
    assert decode(np.zeros((2, 0, 5 + CLASSES), np.float32))[4].tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("output", {"output": np.zeros((2, 3, 5), np.float32)}),
        ("output", {"classes": CLASSES + OTHERS + 1}),
        ("output", {"output": (np.zeros((2, 3, 12), np.int8), 0.0, 0)}),
        ("output", {"output": (np.zeros((2, 3, 12), np.int8), float("nan"), 0)}),
        ("output", {"output": (np.zeros((2, 3, 12), np.uint8), 1.0, -1)}),
        ("classes", {"classes": 0}),
        ("score_thresholds", {"score_thresholds": f32(0.5)}),
        ("score_thresholds", {"score_thresholds": f32(0.5, np.nan)}),
        ("class_filter", {"class_filter": np.ones((2, CLASSES + 1), bool)}),
    ],
)
def test_refuses_values_that_do_not_fit_by_name(name: str, changes: dict[str, Any]) -> None:
    given = changes.pop("output", output(True))
    with pytest.raises(ValueError, match=f"^{name}: "):
        decode(given, **changes)


@pytest.mark.parametrize(
    "given",
    [
        np.zeros((2, 3, 12)),
        np.zeros((2, 3, 12), np.int8),
        (np.zeros((2, 3, 12), np.float32), 1.0, 0),
        (np.zeros((2, 3, 12), np.int8), 1.0),
        (np.zeros((2, 3, 12), np.int16), 1.0, 0),
        np.zeros((3, 12), np.float32),
        np.zeros((2, 12, 3), np.float32).transpose(0, 2, 1),
    ],
)
def test_refuses_types_that_are_no_tensor(given: Any) -> None:
    with pytest.raises(TypeError):
        decode(given)
