"""PyTorch against the exported graphs, on the same pictures."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from framecast.errors import FailedPreconditionError
from framecast.v1.model_bundle_pb2 import ModelBundle
from framecast_bundle.prediction import FloatArray, Prediction
from framecast_trainer.learning import masks
from framecast_trainer.learning.evaluate import Measurement

TOLERANCE = 0.001
"""What a metric in [0, 1] may differ by: a tenth of a point."""
BOX_TOLERANCE = 0.5
"""Source pixels by which a box may differ for the answers to count as the same."""
SCORE_TOLERANCE = 0.001
MASK_TOLERANCE = 0.01
"""Share of a mask's pixels; of small masks `_MASK_PIXELS`."""
_MASK_PIXELS = 4
_SURE = 0.05
"""Instances below this score come and go with the last bits, and are not compared."""
_SAME_IOU = 0.9


@dataclass
class _Deltas:
    box: float = 0.0
    score: float = 0.0
    unmatched: int = 0
    pairs: list["_Pair"] = field(default_factory=list)


@dataclass
class _Pair:
    """An instance that both sides report, by its position on each."""

    a: Prediction
    i: int
    b: Prediction
    j: int


def compare(torch_side: Measurement, exported_side: Measurement, primary: str) -> ModelBundle.ParityReport:
    """`passed` demands that the two agree in every metric, or in every answer.

    The latter because on few pictures a metric jumps when one box crosses an IoU threshold by its last bits.
    `metric` is the one that agrees least, else `primary`.
    """
    worst = max(
        torch_side.metrics,
        key=lambda name: (round(abs(torch_side.metrics[name] - exported_side.metrics[name]), 9), name == primary),
    )
    deltas = _Deltas()
    for a, b in zip(torch_side.predictions, exported_side.predictions, strict=True):
        if a.label_scores is not None and b.label_scores is not None:
            deltas.score = _larger(deltas.score, np.abs(a.label_scores - b.label_scores).max())
        else:
            _match(a, b, deltas)
    difference = abs(torch_side.metrics[worst] - exported_side.metrics[worst])
    return ModelBundle.ParityReport(
        metric=worst,
        torch_value=torch_side.metrics[worst],
        exported_value=exported_side.metrics[worst],
        image_count=len(torch_side.predictions),
        max_box_delta=deltas.box,
        max_score_delta=deltas.score,
        unmatched=deltas.unmatched,
        tolerance=TOLERANCE,
        passed=difference <= TOLERANCE or _same_answers(torch_side, deltas),
    )


def compare_outputs(difference: float, image_count: int) -> ModelBundle.ParityReport:
    """For a network that was not measured: `difference` is that of the graphs' raw outputs, as a share of the largest
    value; `metric` is their agreement, 1 less that share."""
    return ModelBundle.ParityReport(
        metric="output_agreement",
        torch_value=1.0,
        exported_value=1.0 - difference,
        image_count=image_count,
        tolerance=TOLERANCE,
        passed=difference <= TOLERANCE,
    )


def require(report: ModelBundle.ParityReport) -> None:
    """Raises FailedPreconditionError (`PARITY_FAILED`) unless the report is a pass."""
    if not report.passed:
        raise FailedPreconditionError(
            f"the exported graphs do not answer as the trained network does: {report.metric} is "
            f"{report.exported_value:.4f} instead of {report.torch_value:.4f} on {report.image_count} pictures; "
            "this is a defect of the export, please report it with the architecture and its configuration",
            reason="PARITY_FAILED",
            metric=report.metric,
            torch_value=report.torch_value,
            exported_value=report.exported_value,
        )


def _match(a: Prediction, b: Prediction, deltas: _Deltas) -> None:
    """Pairs instances of one class by overlap, the surest first; each may be taken once."""
    free = np.ones(len(b.scores), bool)
    for i in range(len(a.scores)):
        candidates = free & (b.class_indices == a.class_indices[i])
        overlap = np.where(candidates, _overlap(a.boxes[i], b.boxes), 0.0)
        # Of boxes that overlap alike, the one with the nearest score.
        rank = overlap - np.abs(b.scores - a.scores[i])
        best = int(np.argmax(np.where(overlap > _SAME_IOU, rank, -np.inf))) if len(overlap) else -1
        if best < 0 or overlap[best] <= _SAME_IOU:
            deltas.unmatched += int(a.scores[i] >= _SURE + TOLERANCE)
            continue
        free[best] = False
        deltas.pairs.append(_Pair(a, i, b, best))
        deltas.box = _larger(deltas.box, np.abs(a.boxes[i] - b.boxes[best]).max())
        deltas.score = _larger(deltas.score, abs(a.scores[i] - b.scores[best]))
    deltas.unmatched += int((b.scores[free] >= _SURE + TOLERANCE).sum())


def _larger(known: float, found: np.floating[Any]) -> float:
    """What is no number stays one, and passes no comparison."""
    return float(np.maximum(known, found))


def _same_answers(side: Measurement, deltas: _Deltas) -> bool:
    sure = any(pair.a.scores[pair.i] >= _SURE for pair in deltas.pairs)
    labels = any(prediction.label_scores is not None for prediction in side.predictions)
    return (
        (sure or labels)  # of answers that say nothing, nothing could be compared
        and deltas.unmatched == 0
        and deltas.box <= BOX_TOLERANCE
        and deltas.score <= SCORE_TOLERANCE
        and all(map(_same_mask, deltas.pairs))
    )


def _same_mask(pair: _Pair) -> bool:
    if pair.a.polygons is None or pair.b.polygons is None:
        return pair.a.polygons is pair.b.polygons
    a, b = (
        masks.polygons_to_coco_rle(polygons.parts(position), pair.a.height, pair.a.width)
        for polygons, position in ((pair.a.polygons, pair.i), (pair.b.polygons, pair.j))
    )
    allowed = max(_MASK_PIXELS, MASK_TOLERANCE * max(masks.rle_area(a), masks.rle_area(b)))
    return masks.rle_difference(a, b) <= allowed


def _overlap(box: FloatArray, others: FloatArray) -> FloatArray:
    low, high = np.maximum(box[:2], others[:, :2]), np.minimum(box[2:], others[:, 2:])
    shared = np.clip(high - low, 0, None).prod(axis=1)
    area = (box[2:] - box[:2]).prod() + (others[:, 2:] - others[:, :2]).prod(axis=1)
    return np.asarray(shared / np.maximum(area - shared, 1e-9), np.float32)
