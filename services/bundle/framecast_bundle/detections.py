"""From candidate boxes of a batch to the boxes that each picture reports."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

import framecast_core
from framecast.v1.model_bundle_pb2 import ModelBundle
from framecast_bundle.placement import Placement
from framecast_bundle.prediction import Prediction
from framecast_bundle.settings import Settings, class_score_thresholds, score_thresholds

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

    def only(self, allowed: npt.NDArray[np.bool_] | None) -> "Candidates":
        """The candidates of classes that their picture allows, [B, classes]; None allows all."""
        if allowed is None:
            return self
        pictures = np.repeat(np.arange(len(allowed)), np.diff(self.splits))
        kept = allowed[pictures, self.classes]
        splits = np.concatenate([[0], np.cumsum(kept)])[self.splits].astype(np.int64)
        return Candidates(self.boxes[kept], self.scores[kept], self.classes[kept], splits)


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
    """Of the candidates, all pictures' behind each other."""

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
    candidates: Candidates,
    placements: Sequence[Placement],
    settings: Sequence[Settings],
    manifest: ModelBundle,
    *,
    clip: bool = True,
) -> Iterator[Detections]:
    """Non-maximum suppression with every picture's own settings, then the way back to source pixels.

    Of a picture with more than `MAX_CANDIDATES` boxes only the best enter, the first of equal ones.
    Boxes that lie in the padding alone, and so have no area within the picture, are dropped; others are cut at the
    picture's border if `clip`.
    """
    keep, splits = framecast_core.nms(
        candidates.boxes,
        candidates.scores,
        candidates.classes,
        candidates.splits,
        iou_thresholds=np.array([each.iou_threshold for each in settings], dtype=np.float32),
        score_thresholds=score_thresholds(settings),
        class_score_thresholds=class_score_thresholds(settings, manifest),
        max_detections=np.array([each.max_detections for each in settings], dtype=np.int32),
        max_candidates=np.full(len(settings), MAX_CANDIDATES, dtype=np.int32),
        class_agnostic=np.array([each.class_agnostic for each in settings], dtype=np.bool_),
    )
    boxes, rows, splits = framecast_core.map_boxes(
        candidates.boxes,
        keep,
        splits,
        np.array([(each.x, each.y, each.scale_x, each.scale_y) for each in placements], dtype=np.float32),
        np.array([(each.image_height, each.image_width) for each in placements], dtype=np.int32),
        clip=clip,
    )
    tensor_boxes, scores, classes = candidates.boxes[rows], candidates.scores[rows], candidates.classes[rows]
    for start, stop in pairwise(splits.tolist()):
        yield Detections(
            tensor_boxes[start:stop], boxes[start:stop], scores[start:stop], classes[start:stop], rows[start:stop]
        )


def strongest(scores: FloatArray, count: int) -> npt.NDArray[np.int64]:
    """Rows of the best `count` scores, the first of equal ones, in the order given."""
    return np.sort(np.argsort(-scores, kind="stable")[:count])
