"""PyTorch against the exported graphs, on the same pictures."""

from dataclasses import dataclass

import numpy as np

from framecast.errors import FailedPreconditionError
from framecast.v1.model_bundle_pb2 import ModelBundle
from framecast_bundle.prediction import FloatArray, Prediction
from framecast_trainer.learning.evaluate import Measurement

TOLERANCE = 0.001
"""What a metric in [0, 1] may differ by: a tenth of a point."""
_SURE = 0.05
"""Instances below this score come and go with the last bits, and are not compared."""
_SAME_IOU = 0.9


@dataclass
class _Deltas:
    box: float = 0.0
    score: float = 0.0
    unmatched: int = 0


def compare(torch_side: Measurement, exported_side: Measurement, primary: str) -> ModelBundle.ParityReport:
    """`passed` demands of every metric that the two agree; `metric` is the one that agrees least, else `primary`."""
    worst = max(
        torch_side.metrics,
        key=lambda name: (round(abs(torch_side.metrics[name] - exported_side.metrics[name]), 9), name == primary),
    )
    deltas = _Deltas()
    for a, b in zip(torch_side.predictions, exported_side.predictions, strict=True):
        if a.label_scores is not None and b.label_scores is not None:
            deltas.score = max(deltas.score, float(np.abs(a.label_scores - b.label_scores).max()))
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
        deltas.box = max(deltas.box, float(np.abs(a.boxes[i] - b.boxes[best]).max()))
        deltas.score = max(deltas.score, float(abs(a.scores[i] - b.scores[best])))
    deltas.unmatched += int((b.scores[free] >= _SURE + TOLERANCE).sum())


def _overlap(box: FloatArray, others: FloatArray) -> FloatArray:
    low, high = np.maximum(box[:2], others[:, :2]), np.minimum(box[2:], others[:, 2:])
    shared = np.clip(high - low, 0, None).prod(axis=1)
    area = (box[2:] - box[:2]).prod() + (others[:, 2:] - others[:, :2]).prod(axis=1)
    return np.asarray(shared / np.maximum(area - shared, 1e-9), np.float32)
