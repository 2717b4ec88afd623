"""Which candidates compete, and that the rest does not count."""

from typing import Any

import numpy as np
import pytest

import framecast_core
from framecast.v1.model_bundle_pb2 import ModelBundle
from framecast_bundle import detections
from framecast_bundle.detections import MAX_CANDIDATES, Candidates, Detections, suppress
from framecast_bundle.placement import place
from framecast_bundle.settings import Settings

EVERYTHING = Settings(confidence_threshold=0.0, iou_threshold=1.0, class_agnostic=True, max_detections=10_000)


def candidates(counts: list[int], seed: int = 0) -> Candidates:
    rng = np.random.default_rng(seed)
    total = sum(counts)
    corners = rng.uniform(0, 600, (total, 2)).astype(np.float32)
    boxes = np.concatenate([corners, corners + rng.uniform(1, 40, (total, 2)).astype(np.float32)], axis=1)
    # A few levels only, so that many scores are equal.
    scores = (rng.integers(1, 200, total) / 200).astype(np.float32)
    splits = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    return Candidates(boxes, scores, rng.integers(0, 5, total).astype(np.int32), splits)


def found(given: Candidates, settings: Settings) -> list[Detections]:
    rule = ModelBundle.Input(resize=ModelBundle.Input.STRETCH, width=640, height=640, stride=1)
    pictures = len(given.splits) - 1
    return list(suppress(given, [place(rule, width=640, height=640)] * pictures, [settings] * pictures))


def test_of_very_many_candidates_only_the_best_compete(monkeypatch: pytest.MonkeyPatch) -> None:
    entered: list[list[int]] = []
    nms = framecast_core.nms

    def counting(boxes: np.ndarray, scores: np.ndarray, classes: np.ndarray, splits: np.ndarray, **settings: Any):
        assert len(boxes) == len(scores) == len(classes) == splits[-1]
        entered.append(np.diff(splits).tolist())
        return nms(boxes, scores, classes, splits, **settings)

    monkeypatch.setattr(framecast_core, "nms", counting)
    many, few = found(candidates([200_000, 7]), EVERYTHING)
    assert entered == [[MAX_CANDIDATES, 7]]
    assert len(many.scores) == 10_000
    assert len(few.scores) == 7


def test_the_candidates_left_out_are_the_weakest_and_the_last_of_equal_ones() -> None:
    given = candidates([MAX_CANDIDATES + 5_000])
    order = np.argsort(-given.scores, kind="stable")[:MAX_CANDIDATES]
    kept = np.sort(order)
    expected = Candidates(
        given.boxes[kept], given.scores[kept], given.classes[kept], np.array([0, MAX_CANDIDATES], np.int64)
    )
    settings = Settings(confidence_threshold=0.0, iou_threshold=0.3, max_detections=10_000)
    (all_of_them,), (best,) = found(given, settings), found(expected, settings)
    np.testing.assert_array_equal(all_of_them.boxes, best.boxes)
    np.testing.assert_array_equal(all_of_them.scores, best.scores)


def test_up_to_the_limit_every_candidate_competes() -> None:
    given = candidates([MAX_CANDIDATES, 0, 3])
    assert detections._strongest(given) == (given, None)
