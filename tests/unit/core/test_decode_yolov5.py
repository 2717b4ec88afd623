"""YOLOv5 decode against the head's definition in float64 PyTorch."""

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

import framecast_core
from tests.unit.core.candidates import f32
from tests.unit.core.stored_types import STORED_TYPES, store

SIZES = [(8, 6), (4, 3), (2, 2)]
STRIDES = f32(8, 16, 32)
CLASSES = 5
ANCHORS = 3
BATCH = 2


def head(seed: int = 0) -> tuple[list[NDArray[np.float32]], NDArray[np.float32]]:
    rng = np.random.default_rng(seed)
    levels = [rng.normal(0, 2, (BATCH, ANCHORS * (5 + CLASSES), h, w)).astype(np.float32) for h, w in SIZES]
    return levels, rng.uniform(5, 200, (len(SIZES), ANCHORS, 2)).astype(np.float32)


def decode(**overrides: Any) -> tuple[NDArray[Any], ...]:
    levels, anchors = head()
    given: dict[str, Any] = {
        "levels": levels,
        "anchors": anchors,
        "strides": STRIDES,
        "score_thresholds": f32(0.25, 0.25),
        "class_filter": None,
        "multi_label": False,
    }
    return framecast_core.decode_yolov5(**(given | overrides))


def reference(image: int) -> tuple[torch.Tensor, torch.Tensor]:
    """float64 boxes [N, 4] and class scores [N, C] of all positions, by level, anchor, y, x."""
    levels, anchors = head()
    boxes, scores = [], []
    for level, (h, w), stride, priors in zip(levels, SIZES, STRIDES, anchors, strict=True):
        raw = torch.from_numpy(level[image]).double().view(ANCHORS, 5 + CLASSES, h, w).permute(0, 2, 3, 1).sigmoid()
        grid_y, grid_x = torch.meshgrid(torch.arange(h), torch.arange(w), indexing="ij")
        xy = (raw[..., :2] * 2 - 0.5 + torch.stack([grid_x, grid_y], -1)) * float(stride)
        wh = (raw[..., 2:4] * 2) ** 2 * torch.from_numpy(priors).double().view(ANCHORS, 1, 1, 2)
        boxes.append(torch.cat([xy - wh / 2, xy + wh / 2], -1).reshape(-1, 4))
        scores.append((raw[..., 4:5] * raw[..., 5:]).reshape(-1, CLASSES))
    return torch.cat(boxes), torch.cat(scores)


@pytest.mark.parametrize("multi_label", [False, True])
@pytest.mark.parametrize("filtered", [False, True])
@pytest.mark.parametrize("threshold", [-1.0, 0.0, 1e-3, 0.25, 0.9])
def test_equals_the_definition(multi_label: bool, filtered: bool, threshold: float) -> None:
    allowed = np.ones((BATCH, CLASSES), bool)
    if filtered:
        allowed = np.array([[1, 0, 1, 0, 1], [0, 1, 0, 0, 0]], bool)
    boxes, scores, classes, splits = decode(
        multi_label=multi_label,
        class_filter=allowed if filtered else None,
        score_thresholds=f32(threshold, threshold + 0.05),
    )
    assert splits[0] == 0
    for b in range(BATCH):
        expected_boxes, expected_scores = reference(b)
        expected_scores[:, ~torch.from_numpy(allowed[b])] = -9.0
        passing = expected_scores > threshold + 0.05 * b
        margin = (expected_scores - (threshold + 0.05 * b)).abs().min()
        assert margin > 1e-8 + 1e-6 * threshold, "the seed must not sit on the threshold"
        if not multi_label:
            passing &= torch.nn.functional.one_hot(expected_scores.argmax(1), CLASSES).bool()
        positions, labels = passing.nonzero(as_tuple=True)
        rows = slice(splits[b], splits[b + 1])
        assert classes[rows].tolist() == labels.tolist()
        np.testing.assert_allclose(boxes[rows], expected_boxes[positions], rtol=1e-5, atol=1e-4)
        np.testing.assert_allclose(scores[rows], expected_scores[positions, labels], rtol=2e-6)
        assert threshold >= 0.9 or len(labels) > 3


def test_best_class_is_taken_among_the_allowed_ones() -> None:
    level = np.full((1, 5 + 3, 1, 1), 0, np.float32)
    level[0, 4:] = [[[9]], [[1]], [[3]], [[2]]]
    allowed = np.array([[True, False, True]])
    _, scores, classes, _ = decode(
        levels=[level],
        anchors=np.ones((1, 1, 2), np.float32),
        strides=f32(8),
        score_thresholds=f32(0.1),
        class_filter=allowed,
    )
    assert classes.tolist() == [2]
    assert scores[0] == pytest.approx(1 / (1 + np.exp(-9)) / (1 + np.exp(-2)))


def test_saturated_classes_are_ranked_by_their_logits_and_ties_go_to_the_lower() -> None:
    level = np.zeros((1, 5 + 3, 1, 2), np.float32)
    level[0, 4:, 0, 0] = [90, 40, 80, 60]
    level[0, 4:, 0, 1] = [90, 40, 70, 70]
    _, scores, classes, _ = decode(
        levels=[level], anchors=np.ones((1, 1, 2), np.float32), strides=f32(8), score_thresholds=f32(0.5)
    )
    assert classes.tolist() == [1, 1]
    assert scores.tolist() == [1, 1]


@pytest.mark.parametrize("channel", range(8))
@pytest.mark.parametrize(
    ("value", "lost_by_box", "lost_by_objectness", "lost_by_class"),
    [(np.nan, 3, 3, 1), (np.inf, 0, 0, 0), (-np.inf, 0, 3, 1)],
)
def test_logits_that_are_not_finite_have_a_defined_result(
    channel: int, value: float, lost_by_box: int, lost_by_objectness: int, lost_by_class: int
) -> None:
    level = np.zeros((1, 8, 1, 2), np.float32)
    level[0, 4:] = 3
    level[0, channel, 0, 0] = value
    boxes, scores, classes, _ = decode(
        levels=[level],
        anchors=np.ones((1, 1, 2), np.float32),
        strides=f32(8),
        score_thresholds=f32(0.5),
        multi_label=True,
    )
    assert np.isfinite(boxes).all()
    assert (scores > 0.5).all()
    assert len(classes) == 6 - ([lost_by_box] * 4 + [lost_by_objectness] + [lost_by_class] * 3)[channel]


def test_thresholds_close_to_one_lose_nothing() -> None:
    logits = np.linspace(0, 30, 4000, dtype=np.float32)
    level = np.zeros((1, 6, 1, 4000), np.float32)
    level[0, 4, 0] = logits
    level[0, 5, 0] = 60
    for threshold in [0.5, 0.999, 0.999999, np.nextafter(np.float32(1), np.float32(0))]:
        _, scores, _, _ = decode(
            levels=[level], anchors=np.ones((1, 1, 2), np.float32), strides=f32(8), score_thresholds=f32(threshold)
        )
        expected = np.float32(1) / (np.float32(1) + np.exp(-logits))
        assert abs(len(scores) - int((expected > np.float32(threshold)).sum())) <= 1


def test_a_batch_of_nothing_is_nothing() -> None:
    boxes, scores, classes, splits = decode(
        levels=[np.zeros((0, 18, h, w), np.float32) for h, w in SIZES],
        anchors=np.ones((3, 3, 2), np.float32),
        score_thresholds=f32(),
    )
    assert boxes.shape == (0, 4)
    assert (len(scores), len(classes), splits.tolist()) == (0, 0, [0])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("levels", []),
        ("levels", [np.zeros((2, 30, 2, 2), np.float32), np.zeros((1, 30, 2, 2), np.float32)] * 2),
        ("levels", [np.zeros((2, 31, 2, 2), np.float32)] * 3),
        ("levels", [np.zeros((2, 15, 2, 2), np.float32)] * 3),
        ("anchors", np.zeros((2, 3, 2), np.float32)),
        ("anchors", np.full((3, 3, 2), np.nan, np.float32)),
        ("strides", f32(8, 16)),
        ("strides", f32(8, 16, 0)),
        ("score_thresholds", f32(0.5)),
        ("score_thresholds", f32(0.5, np.nan)),
        ("class_filter", np.ones((2, 4), bool)),
    ],
)
def test_refuses_values_that_do_not_fit_by_name(name: str, value: Any) -> None:
    name_in_message = "anchors" if name == "levels" and len(value) == 4 else name
    with pytest.raises(ValueError, match=f"^{name_in_message}: "):
        decode(**{name: value})


def test_refuses_float64_instead_of_copying() -> None:
    with pytest.raises(TypeError):
        decode(levels=[level.astype(np.float64) for level in head()[0]])


@pytest.mark.parametrize("kind", STORED_TYPES)
@pytest.mark.parametrize("multi_label", [False, True])
def test_a_stored_type_equals_the_float32_numbers_that_it_means(kind: str, multi_label: bool) -> None:
    pairs = [store(level, kind) for level in head()[0]]
    ours = decode(levels=[given for given, _ in pairs], multi_label=multi_label)
    expected = decode(levels=[numbers for _, numbers in pairs], multi_label=multi_label)
    assert len(expected[0]) > 10
    for a, b in zip(ours, expected, strict=True):
        np.testing.assert_array_equal(a, b)


def test_levels_may_differ_in_type_and_a_pool_changes_nothing() -> None:
    first, *rest = head()[0]
    pairs = [store(level, kind) for level, kind in zip(rest, ("float16", "int8"), strict=True)]
    mixed = [first, *(given for given, _ in pairs)]
    numbers = [first, *(values for _, values in pairs)]
    pool = framecast_core.ThreadPool(2)
    for a, b in zip(decode(levels=mixed, pool=pool), decode(levels=numbers), strict=True):
        np.testing.assert_array_equal(a, b)
