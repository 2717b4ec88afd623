"""Soft-NMS, weighted boxes fusion, pairwise IoU, Kalman filters: framecast_core, OpenCV, torchvision, NumPy.

python -m benchmarks.core_boxes --json benchmarks/results/core_boxes.json
"""

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import torch
import torchvision
from numpy.typing import NDArray

import framecast_core
from benchmarks.core_nms import candidates
from benchmarks.measure import US, Case, arguments, measure, pin_to_one_thread, report

SHOWS_NOT = (
    "batches of several images or more than one thread; OpenCV's soft-NMS knows no classes, so all are one, rounds "
    "boxes to whole pixels and is given its lists ready made; the NumPy sides are the plain array code of common "
    "pipelines, written for this comparison; linear assignment and the tracker have no peer among what is installed."
)


def soft_nms(count: int, gaussian: bool, samples: int) -> Case:
    given = candidates(count)
    classes, splits = np.zeros(count, np.int32), np.array([0, count])
    value = np.array([0.5 if gaussian else 0.3], np.float32)
    settings: dict[str, Any] = {
        "sigmas" if gaussian else "iou_thresholds": value,
        "score_thresholds": np.array([0.25], np.float32),
        "max_detections": np.array([count], np.int32),
        "class_agnostic": np.array([True]),
    }
    corners = np.round(given.boxes)
    corners[:, 2:] -= corners[:, :2]
    rects: Any = corners.astype(int).tolist()
    scores: Any = given.scores.tolist()
    method: Any = cv2.dnn.SOFT_NMSMETHOD_SOFTNMS_GAUSSIAN if gaussian else cv2.dnn.SOFT_NMSMETHOD_SOFTNMS_LINEAR

    def ours() -> NDArray[np.int64]:
        return framecast_core.soft_nms(given.boxes, given.scores, classes, splits, **settings)[0]

    def by_opencv() -> Any:
        return cv2.dnn.softNMSBoxes(rects, scores, 0.25, 0.3, 0, 0.5, method)[1]

    entering = int((given.scores > 0.25).sum())
    text = (
        f"{'Gaussian, sigma 0.5' if gaussian else 'linear, IoU > 0.3'}, N = {count}, score > 0.25: {entering} enter, "
        f"{len(ours())} stay; OpenCV keeps {len(by_opencv())}"
    )
    return measure("soft_nms", text, {US: ours, "opencv softNMSBoxes": by_opencv}, samples=samples)


def numpy_fusion(
    boxes: NDArray[np.float32], scores: NDArray[np.float32], classes: NDArray[np.int32], models: int, iou: float
) -> int:
    """Weighted boxes fusion, box by box against all fused ones; returns how many there are."""
    fused = np.zeros((len(boxes), 4))
    sums, weights = np.zeros((len(boxes), 4)), np.zeros(len(boxes))
    labels = np.full(len(boxes), -1)
    members = np.zeros(len(boxes))
    count = 0
    for i in np.argsort(-scores, kind="stable"):
        sides = np.clip(
            np.minimum(fused[:count, 2:], boxes[i, 2:]) - np.maximum(fused[:count, :2], boxes[i, :2]), 0, None
        )
        inter = sides[:, 0] * sides[:, 1]
        areas = (fused[:count, 2] - fused[:count, 0]) * (fused[:count, 3] - fused[:count, 1])
        overlap = inter / (areas + (boxes[i, 2] - boxes[i, 0]) * (boxes[i, 3] - boxes[i, 1]) - inter)
        overlap[labels[:count] != classes[i]] = 0
        at = int(overlap.argmax()) if count else 0
        if count == 0 or overlap[at] <= iou:
            at = count
            labels[at] = classes[i]
            count += 1
        sums[at] += scores[i] * boxes[i]
        weights[at] += scores[i]
        members[at] += 1
        fused[at] = sums[at] / weights[at]
    return int((weights[:count] / members[:count] * np.minimum(members[:count], models) / models > 0).sum())


def fuse_boxes(per_model: int, models: int, samples: int) -> Case:
    rng = np.random.default_rng(1)
    corners = rng.uniform(0, 1000, (per_model, 2))
    true = np.concatenate([corners, corners + rng.uniform(20, 150, (per_model, 2))], axis=1)
    boxes = (np.tile(true, (models, 1)) + rng.normal(0, 3, (models * per_model, 4))).astype(np.float32)
    scores = rng.uniform(0.05, 1, len(boxes)).astype(np.float32)
    classes = np.tile(rng.integers(80, size=per_model), models).astype(np.int32)
    which = np.repeat(np.arange(models, dtype=np.int32), per_model)
    splits, weights = np.array([0, len(boxes)]), np.ones(models, np.float32)
    iou, floor = np.array([0.55], np.float32), np.zeros(1, np.float32)
    most = np.array([len(boxes)], np.int32)

    def ours() -> NDArray[np.float32]:
        return framecast_core.fuse_boxes(
            boxes,
            scores,
            classes,
            which,
            splits,
            model_weights=weights,
            iou_thresholds=iou,
            score_thresholds=floor,
            max_detections=most,
        )[0]

    def by_numpy() -> int:
        return numpy_fusion(boxes, scores, classes, models, 0.55)

    text = f"{models} models with {per_model} boxes each: {len(ours())} fused; NumPy has {by_numpy()}"
    return measure("fuse_boxes", text, {US: ours, "NumPy": by_numpy}, samples=samples)


def box_iou(rows: int, columns: int, samples: int) -> Case:
    a, b = candidates(max(rows, 160), 1).boxes[:rows], candidates(max(columns, 160), 2).boxes[:columns]
    a, b = np.ascontiguousarray(a), np.ascontiguousarray(b)
    first, second = torch.from_numpy(a), torch.from_numpy(b)

    def ours() -> NDArray[np.float32]:
        return framecast_core.box_iou(a, b)

    def by_numpy() -> NDArray[np.float32]:
        sides = np.clip(np.minimum(a[:, None, 2:], b[:, 2:]) - np.maximum(a[:, None, :2], b[:, :2]), 0, None)
        inter = sides[..., 0] * sides[..., 1]
        areas_a, areas_b = (a[:, 2:] - a[:, :2]).prod(1), (b[:, 2:] - b[:, :2]).prod(1)
        overlap: NDArray[np.float32] = inter / (areas_a[:, None] + areas_b - inter)
        return overlap

    def by_torchvision() -> torch.Tensor:
        overlap: torch.Tensor = torchvision.ops.box_iou(first, second)
        return overlap

    same = bool((ours() == by_torchvision().numpy()).all())
    sides: dict[str, Callable[[], object]] = {US: ours, "torchvision box_iou": by_torchvision, "NumPy": by_numpy}
    return measure("box_iou", f"[{rows}, {columns}]; torchvision's the same: {same}", sides, samples=samples)


def kalman(count: int, samples: int) -> Case:
    """A prediction and an update of every track."""
    rng = np.random.default_rng(3)
    corners = rng.uniform(0, 1000, (count, 2))
    boxes = np.concatenate([corners, corners + rng.uniform(20, 150, (count, 2))], axis=1).astype(np.float32)
    tracks, rows = framecast_core.kalman_start(boxes), np.arange(count)
    middle = boxes.astype(np.float64)
    seen = np.concatenate([(middle[:, :2] + middle[:, 2:]) / 2, middle[:, 2:] - middle[:, :2]], axis=1)
    mean = np.concatenate([seen, np.zeros((count, 4))], axis=1)
    sides = np.tile(seen[:, 2:], 2)
    covariance = np.stack([np.diag(d) for d in np.concatenate([sides / 10, sides / 16], axis=1) ** 2])
    move, see = np.eye(8) + np.eye(8, k=4), np.eye(4, 8)

    def ours() -> NDArray[np.float64]:
        return framecast_core.kalman_update(framecast_core.kalman_predict(tracks), rows, boxes)

    def by_numpy() -> NDArray[np.float64]:
        """All tracks at once with full matrices, as trackers' multi_predict does; the update too."""
        scale = np.concatenate([sides / 20, sides / 160], axis=1) ** 2
        predicted = mean @ move.T
        spread = move @ covariance @ move.T + scale[:, :, None] * np.eye(8)
        whole = see @ spread @ see.T + scale[:, :4, None] * np.eye(4)
        gain = np.linalg.solve(whole, see @ spread).transpose(0, 2, 1)
        result: NDArray[np.float64] = predicted + (gain @ (seen - predicted[:, :4])[..., None])[..., 0]
        _ = spread - gain @ whole @ gain.transpose(0, 2, 1)
        return result

    same = bool(np.allclose(ours()[:, :2].reshape(count, 8), by_numpy()))
    text = f"{count} tracks; NumPy's the same: {same}"
    return measure("kalman", text, {US: ours, "NumPy, all tracks at once": by_numpy}, samples=samples)


def main() -> None:
    options = arguments(__doc__)
    pin_to_one_thread()
    cases = [
        soft_nms(2000, False, options.samples),
        soft_nms(2000, True, options.samples),
        soft_nms(8400, True, options.samples),
        fuse_boxes(100, 3, options.samples),
        fuse_boxes(300, 5, options.samples),
        box_iou(100, 100, options.samples),
        box_iou(1000, 1000, options.samples),
        kalman(20, options.samples),
        kalman(300, options.samples),
    ]
    report(cases, shows_not=SHOWS_NOT, to=options.json)


if __name__ == "__main__":
    main()
