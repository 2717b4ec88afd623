"""Greedy suppression in plain NumPy float32, and random cases for it; `reference` uses nothing of framecast_core.

The reference compares the best box that is left of a class with all others of the class, row by row, in the order of
operations that the stub states. No index, no code, no shortcut but that a class is looked at on its own.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

import framecast_core


@dataclass(frozen=True)
class Request:
    """One image with its settings; None = the option is not given."""

    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]
    classes: NDArray[np.int32]
    iou: float
    score: float
    limit: int
    agnostic: bool
    class_scores: NDArray[np.float32] | None = None
    allowed: NDArray[np.bool_] | None = None
    max_candidates: int | None = None
    max_per_class: int | None = None
    notes: dict[str, object] = field(default_factory=dict)


def overlaps(box: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.float32]:
    """IoU of one box with each of the others, every operation rounded to float32."""
    zero = np.float32(0)
    with np.errstate(all="ignore"):
        width = np.maximum(zero, np.minimum(box[2], others[:, 2]) - np.maximum(box[0], others[:, 0]))
        height = np.maximum(zero, np.minimum(box[3], others[:, 3]) - np.maximum(box[1], others[:, 1]))
        inter = width * height
        area = (box[2] - box[0]) * (box[3] - box[1])
        areas = (others[:, 2] - others[:, 0]) * (others[:, 3] - others[:, 1])
        iou: NDArray[np.float32] = inter / (area + areas - inter)
    assert iou.dtype == np.float32
    return iou


def reference(request: Request) -> list[int]:
    """The rows that stay, by falling score and then rising row."""
    boxes, scores, classes = request.boxes, request.scores, request.classes
    enters = (scores > np.float32(request.score)) & np.isfinite(boxes).all(axis=1)
    if request.class_scores is not None:
        enters &= scores > request.class_scores[classes]
    if request.allowed is not None:
        enters &= request.allowed[classes]
    rows = np.flatnonzero(enters)
    rows = rows[np.argsort(-scores[rows], kind="stable")][: request.max_candidates]
    labels = np.zeros(len(rows), np.int32) if request.agnostic else classes[rows]
    stays = np.zeros(len(rows), bool)
    by_label = np.argsort(labels, kind="stable")
    for group in np.split(by_label, np.flatnonzero(np.diff(labels[by_label])) + 1):
        left, found = group, 0
        while len(left) and (request.max_per_class is None or found < request.max_per_class):
            stays[left[0]] = True
            found += 1
            if found >= request.limit:
                break
            candidates = boxes[rows[left]]
            left = left[1:][~(overlaps(candidates[0], candidates[1:]) > np.float32(request.iou))]
    kept: list[int] = rows[stays][: request.limit].tolist()
    return kept


def by_framecast(request: Request) -> list[int]:
    def row(values: NDArray[Any] | None) -> NDArray[Any] | None:
        return None if values is None else values[None]

    def limit(value: int | None) -> NDArray[np.int32] | None:
        return None if value is None else np.array([value], np.int32)

    keep, _ = framecast_core.nms(
        request.boxes,
        request.scores,
        request.classes,
        np.array([0, len(request.boxes)]),
        iou_thresholds=np.array([request.iou], np.float32),
        score_thresholds=np.array([request.score], np.float32),
        max_detections=np.array([request.limit], np.int32),
        class_agnostic=np.array([request.agnostic]),
        class_score_thresholds=row(request.class_scores),
        class_filter=row(request.allowed),
        max_candidates=limit(request.max_candidates),
        max_per_class=limit(request.max_per_class),
    )
    kept: list[int] = keep.tolist()
    return kept


def random_request(rng: np.random.Generator, count: int, class_count: int, most: int) -> Request:
    """Boxes of one of several kinds, with flaws, ties and extreme settings; `most` bounds what stays of a big case."""
    kind = rng.choice(["clusters", "spread", "coarse", "same", "huge", "tiny", "far", "slivers"])
    size = float(rng.choice([40, 640, 4000]))
    if kind == "coarse":
        boxes = rng.integers(-2, 9, (count, 4)).astype(np.float32)
    else:
        objects = max(1, count // int(rng.integers(1, 30)))
        centers = rng.uniform(0, size, (objects, 2))
        extents = np.exp(rng.uniform(np.log(2), np.log(size / 2), (objects, 2)))
        of = rng.integers(objects, size=count) if kind != "spread" else np.arange(count) % objects
        middle = centers[of] + rng.normal(0, rng.choice([0.02, 0.1, 0.4]), (count, 2)) * extents[of]
        half = extents[of] * np.exp(rng.normal(0, 0.15, (count, 2))) / 2
        if kind == "same":
            middle, half = np.round(middle / 16) * 16, np.round(half / 8) * 8
        if kind == "slivers":
            half[:, int(rng.integers(2))] *= 1e-4
        boxes = np.concatenate([middle - half, middle + half], axis=1)
        boxes = boxes * {"huge": 1e35, "tiny": 1e-24}.get(str(kind), 1.0) + (1e6 if kind == "far" else 0.0)
        with np.errstate(over="ignore"):
            boxes = boxes.astype(np.float32)
    scores = rng.random(count, np.float32)
    if rng.random() < 0.3:
        scores = np.exp(rng.uniform(-12, 0, count)).astype(np.float32)
    if rng.random() < 0.3:
        scores = np.round(scores * rng.integers(1, 50)).astype(np.float32) / np.float32(50)  # Ties.
    if rng.random() < 0.2:
        scores -= np.float32(0.5)
    weights = 1 / np.arange(1, class_count + 1) ** rng.choice([0, 1])
    classes = rng.choice(class_count, count, p=weights / weights.sum()).astype(np.int32)
    if count and rng.random() < 0.5:
        repeated = rng.integers(count, size=count // 8)
        boxes[rng.permutation(count)[: len(repeated)]] = boxes[repeated]
        flaws = rng.random(count) < 0.03
        boxes[flaws, int(rng.integers(4))] = rng.choice([np.nan, np.inf, -np.inf, 0.0, 3e38, -3e38])
        scores[rng.random(count) < 0.03] = rng.choice([np.nan, np.inf, -np.inf, 0.0, -0.0])
        inverted = rng.random(count) < 0.02
        boxes[inverted] = boxes[inverted][:, [2, 1, 0, 3]]
    lowest = 1e-4 if count > 5000 else 0.0
    iou = float(rng.choice([0.0, lowest, 0.3, 0.45, 0.5, 0.7, 0.999, 1.0, rng.random()]))
    limit = int(rng.choice([0, 1, 10, 300, count + 1], p=[0.02, 0.08, 0.1, 0.3, 0.5]))

    def option() -> bool:
        return bool(rng.random() < 0.25)

    return Request(
        boxes=boxes,
        scores=scores,
        classes=classes,
        iou=iou,
        score=float(rng.choice([-np.inf, 0.0, 0.001, 0.25, 0.9])),
        limit=min(limit, most),
        agnostic=bool(rng.random() < 0.2),
        class_scores=rng.uniform(-0.2, 0.7, class_count).astype(np.float32) if option() else None,
        allowed=rng.random(class_count) < 0.6 if option() else None,
        max_candidates=int(rng.integers(count + 2)) if option() else None,
        max_per_class=int(rng.integers(30)) if option() else None,
        notes={"kind": str(kind), "count": count, "classes": class_count},
    )


def random_case(seed: int) -> Request:
    """The case of a seed: mostly small, one in 50 of some thousands of boxes, one in 500 of 1e5 to 3e5."""
    rng = np.random.default_rng(seed)
    if seed % 500 == 499:
        class_count = int(rng.choice([1, 80, 1200]))
        most = {1: 300, 80: 20_000, 1200: 300_000}[class_count]  # So that the reference ends within seconds.
        return random_request(rng, int(rng.integers(100_000, 300_001)), class_count, most)
    if seed % 50 == 49:
        return random_request(rng, int(rng.integers(2000, 20_000)), int(rng.choice([1, 3, 80, 1200])), most=4000)
    count = int(np.exp(rng.uniform(0, np.log(700))))
    return random_request(rng, count, int(rng.choice([1, 2, 5, 80, 1200])), most=10**6)
