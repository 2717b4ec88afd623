"""YOLOX decode against the head's definition in float64 NumPy."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import framecast_core
from tests.unit.core.candidates import f32, i32
from tests.unit.core.stored_types import STORED_TYPES, store

CLASSES = 4
HEIGHT, WIDTH = 64, 96
STRIDES = i32(8, 16, 32)
POSITIONS = sum((HEIGHT // s) * (WIDTH // s) for s in (8, 16, 32))


def output(seed: int = 0) -> NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    values = rng.normal(0, 1, (2, POSITIONS, 5 + CLASSES))
    values[..., 4:] = rng.uniform(0, 1, values[..., 4:].shape)
    return values.astype(np.float32)


def decode(**overrides: Any) -> tuple[NDArray[Any], ...]:
    given: dict[str, Any] = {
        "output": output(),
        "strides": STRIDES,
        "input_size": (HEIGHT, WIDTH),
        "score_thresholds": f32(0.3, 0.4),
        "class_filter": None,
        "multi_label": False,
    }
    values = given | overrides
    return framecast_core.decode_yolox(values.pop("output"), **values)


def reference(image: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    raw = output()[image].astype(np.float64)
    cells = [(x, y, s) for s in STRIDES.tolist() for y in range(HEIGHT // s) for x in range(WIDTH // s)]
    grid = np.array(cells, np.float64)
    xy = (raw[:, :2] + grid[:, :2]) * grid[:, 2:]
    wh = np.exp(raw[:, 2:4]) * grid[:, 2:]
    return np.concatenate([xy - wh / 2, xy + wh / 2], 1), raw[:, 4:5] * raw[:, 5:]


@pytest.mark.parametrize("multi_label", [False, True])
@pytest.mark.parametrize("filtered", [False, True])
def test_equals_the_definition(multi_label: bool, filtered: bool) -> None:
    allowed = np.array([[1, 0, 1, 0], [0, 1, 1, 0]], bool) if filtered else np.ones((2, CLASSES), bool)
    boxes, scores, classes, splits = decode(multi_label=multi_label, class_filter=allowed if filtered else None)
    for b, threshold in enumerate([0.3, 0.4]):
        expected_boxes, expected_scores = reference(b)
        expected_scores[:, ~allowed[b]] = -1
        passing = expected_scores > threshold
        if not multi_label:
            passing &= np.eye(CLASSES, dtype=bool)[expected_scores.argmax(1)]
        positions, labels = passing.nonzero()
        rows = slice(splits[b], splits[b + 1])
        assert len(labels) > 10
        assert classes[rows].tolist() == labels.tolist()
        np.testing.assert_allclose(boxes[rows], expected_boxes[positions], rtol=1e-5, atol=1e-4)
        np.testing.assert_allclose(scores[rows], expected_scores[positions, labels], rtol=1e-6)


def test_positions_with_an_overflowing_box_or_nan_score_are_dropped() -> None:
    values = np.full((1, POSITIONS, 6), 0.9, np.float32)
    values[0, 0, 2] = 1000
    values[0, 1, 0] = np.nan
    values[0, 2, 4] = np.nan
    values[0, 3, 5] = np.nan
    boxes, scores, _, splits = decode(output=values, score_thresholds=f32(0.5))
    assert splits.tolist() == [0, POSITIONS - 4]
    assert np.isfinite(boxes).all()
    assert np.isfinite(scores).all()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("output", np.zeros((2, POSITIONS - 1, 9), np.float32)),
        ("output", np.zeros((2, POSITIONS, 5), np.float32)),
        ("strides", i32(8, 0, 32)),
        ("strides", i32()),
        ("input_size", (HEIGHT, WIDTH + 8)),
        ("input_size", (0, WIDTH)),
        ("score_thresholds", f32(0.5)),
        ("class_filter", np.ones((1, 4), bool)),
    ],
)
def test_refuses_values_that_do_not_fit_by_name(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"^{name}: "):
        decode(**{name: value})


def test_refuses_float64_instead_of_copying() -> None:
    with pytest.raises(TypeError):
        decode(output=output().astype(np.float64))


@pytest.mark.parametrize("kind", STORED_TYPES)
@pytest.mark.parametrize("multi_label", [False, True])
def test_a_stored_type_equals_the_float32_numbers_that_it_means(kind: str, multi_label: bool) -> None:
    given, numbers = store(output(), kind)
    ours = decode(output=given, multi_label=multi_label, pool=framecast_core.ThreadPool(2))
    expected = decode(output=numbers, multi_label=multi_label)
    assert len(expected[0]) > 10
    for a, b in zip(ours, expected, strict=True):
        np.testing.assert_array_equal(a, b)
