"""Outputs of heads with anchors, and what torchvision makes of them before its suppression."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torchvision.ops import boxes as box_ops

LEVEL_SIZES = np.array([1500, 400, 90, 0, 7])
COUNT = int(LEVEL_SIZES.sum())
IMAGE_SIZES = [(200, 300), (180, 260)]
BATCH = len(IMAGE_SIZES)
ODD_DELTAS = (np.nan, np.inf, -np.inf)


def anchors(rng: np.random.Generator) -> NDArray[np.float32]:
    """[N, 4], of growing size from level to level."""
    centers = rng.uniform(0, 300, (COUNT, 2))
    halves = np.repeat([4, 8, 16, 32, 64], LEVEL_SIZES)[:, None] * rng.uniform(0.5, 1.5, (COUNT, 2))
    return np.concatenate([centers - halves, centers + halves], 1).astype(np.float32)


def with_odd(
    rng: np.random.Generator, values: NDArray[Any], share: float, odd_values: tuple[float, ...] = (np.nan, -np.inf)
) -> NDArray[np.float32]:
    """`values` in float32, some of them odd; many +inf would tie for the top, which torchvision breaks as it likes."""
    odd = rng.random(values.shape) < share
    result: NDArray[np.float32] = values.astype(np.float32)
    result[odd] = rng.choice(odd_values, int(odd.sum())).astype(np.float32)
    return result


def by_level(values: NDArray[np.float32]) -> list[torch.Tensor]:
    """[B, N, D] as torchvision's list of [B, n, D]."""
    return list(torch.split(torch.from_numpy(values), LEVEL_SIZES.tolist(), 1))


def before_suppression(
    monkeypatch: pytest.MonkeyPatch, postprocess: Callable[[], object]
) -> list[tuple[NDArray[Any], NDArray[Any], NDArray[Any]]]:
    """Boxes, scores and labels per image that torchvision's own code hands to its suppression."""
    handed = []

    def record(boxes: torch.Tensor, scores: torch.Tensor, labels: torch.Tensor, threshold: float) -> torch.Tensor:
        handed.append((boxes.numpy(), scores.numpy(), labels.numpy()))
        return torch.zeros(0, dtype=torch.int64)

    monkeypatch.setattr(box_ops, "batched_nms", record)
    postprocess()
    return handed


def assert_same_candidates(
    ours: tuple[NDArray[Any], ...], expected: list[tuple[NDArray[Any], NDArray[Any], NDArray[Any]]], first_label: int
) -> int:
    """The same boxes, scores and classes in the order given, but for rows of almost equal scores; returns how many.

    torchvision keeps boxes with a NaN, which suppression can do nothing with; they are left out.
    """
    boxes, scores, classes, _, splits = ours
    assert len(splits) == len(expected) + 1
    for b, (wanted_boxes, wanted_scores, wanted_labels) in enumerate(expected):
        rows = slice(splits[b], splits[b + 1])
        finite = np.isfinite(wanted_boxes).all(1)
        np.testing.assert_allclose(scores[rows], wanted_scores[finite], rtol=2e-6, atol=1e-7)
        got = np.column_stack([classes[rows], np.round(scores[rows], 4), boxes[rows]])
        wanted = np.column_stack([wanted_labels[finite] - first_label, np.round(scores[rows], 4), wanted_boxes[finite]])
        # Scores that differ in a last bit may have changed places.
        np.testing.assert_allclose(_sorted(got), _sorted(wanted), rtol=1e-5, atol=2e-3)
    return len(boxes)


def _sorted(rows: NDArray[Any]) -> NDArray[Any]:
    result: NDArray[Any] = rows[np.lexsort(np.round(rows[:, [5, 4, 3, 2, 0]], 1).T)]
    return result
