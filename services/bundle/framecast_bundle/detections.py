"""From candidate boxes of a batch to the boxes that each picture reports."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

import framecast_core
from framecast_bundle.placement import Placement
from framecast_bundle.prediction import Prediction
from framecast_bundle.settings import Settings, score_thresholds

MAX_CANDIDATES = 30_000
"""Boxes of one picture that compete, as in Ultralytics' YOLOv5 (`max_nms`); the time grows with their square."""

FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Candidates:
    """Scored boxes of a batch: picture b owns rows splits[b] to splits[b + 1]."""

    boxes: FloatArray
    """[K, 4] x0, y0, x1, y1 in tensor pixels."""
    scores: FloatArray
    """[K] in [0, 1]."""
    classes: npt.NDArray[np.int32]
    """[K] counted from 0."""
    splits: npt.NDArray[np.int64]
    """[B + 1]."""


@dataclass(frozen=True, eq=False)
class Detections:
    """The boxes of one picture that survived, by descending score."""

    tensor_boxes: FloatArray
    """[N, 4] in tensor pixels."""
    boxes: FloatArray
    """[N, 4] in source pixels."""
    scores: FloatArray
    class_indices: npt.NDArray[np.int32]
    rows: npt.NDArray[np.int64]
    """[N] which of the batch's candidates each box was."""

    def prediction(self, placement: Placement, **fields: Any) -> Prediction:
        """As a prediction; `fields` are what it has besides boxes."""
        return Prediction(
            width=placement.image_width,
            height=placement.image_height,
            boxes=self.boxes,
            scores=self.scores,
            class_indices=self.class_indices,
            **fields,
        )


def suppress(
    candidates: Candidates, placements: Sequence[Placement], settings: Sequence[Settings], *, clip: bool = True
) -> Iterator[Detections]:
    """Non-maximum suppression with every picture's own settings, then the way back to source pixels.

    Of a picture with more than `MAX_CANDIDATES` boxes only the best enter, the first of equal ones.
    Boxes that lie in the padding alone, and so have no area within the picture, are dropped; others are cut at the
    picture's border if `clip`.
    """
    candidates, origins = _strongest(candidates)
    keep, splits = framecast_core.nms(
        candidates.boxes,
        candidates.scores,
        candidates.classes,
        candidates.splits,
        iou_thresholds=np.array([each.iou_threshold for each in settings], dtype=np.float32),
        score_thresholds=score_thresholds(settings),
        max_detections=np.array([each.max_detections for each in settings], dtype=np.int32),
        class_agnostic=np.array([each.class_agnostic for each in settings], dtype=np.bool_),
    )
    for index, placement in enumerate(placements):
        rows = keep[splits[index] : splits[index + 1]]
        inside = placement.to_source(candidates.boxes[rows])
        boxes = inside if clip else placement.to_source(candidates.boxes[rows], clip=False)
        visible = (inside[:, 2] > inside[:, 0]) & (inside[:, 3] > inside[:, 1])
        rows, boxes = rows[visible], boxes[visible]
        yield Detections(
            candidates.boxes[rows],
            boxes,
            candidates.scores[rows],
            candidates.classes[rows],
            rows if origins is None else origins[rows],
        )


def _strongest(candidates: Candidates) -> tuple[Candidates, npt.NDArray[np.int64] | None]:
    """The candidates that may enter, and which they were; None: all of them."""
    counts = np.diff(candidates.splits)
    if not (counts > MAX_CANDIDATES).any():
        return candidates, None
    rows = []
    for start, stop in pairwise(candidates.splits.tolist()):
        best = np.argsort(-candidates.scores[start:stop], kind="stable")[:MAX_CANDIDATES]
        rows.append(start + np.sort(best))  # in the order given, by which ties are broken
    keep = np.concatenate(rows)
    splits = np.concatenate([[0], np.cumsum(np.minimum(counts, MAX_CANDIDATES))]).astype(np.int64)
    return Candidates(candidates.boxes[keep], candidates.scores[keep], candidates.classes[keep], splits), keep
