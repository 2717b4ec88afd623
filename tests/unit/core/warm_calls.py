"""A typical call of each kernel, made ready: for tests that repeat calls and watch what they cost or give.

Each entry of `CALLS` takes a pool or None and returns a call without arguments.
"""

from collections.abc import Callable

import numpy as np

import framecast_core
from tests.unit.core.candidates import clustered_boxes, f32, i32, splits_of

Call = Callable[[], object]
Pool = framecast_core.ThreadPool | None


def map_boxes(pool: Pool) -> Call:
    rng = np.random.default_rng(1)
    boxes, rows, splits = clustered_boxes(rng, 2000), rng.permutation(2000), splits_of([700, 0, 1300])
    placements = rng.uniform((-9, -9, 0.3, 0.3), (9, 9, 2, 2), (3, 4)).astype(np.float32)
    sizes = np.full((3, 2), 500, np.int32)
    return lambda: framecast_core.map_boxes(boxes, rows, splits, placements, sizes, pool=pool)


def nms(pool: Pool) -> Call:
    rng = np.random.default_rng(1)
    boxes, scores = clustered_boxes(rng, 2000), rng.random(2000).astype(np.float32)
    classes, splits = rng.integers(3, size=2000, dtype=np.int32), splits_of([700, 0, 1300])
    iou, floor, most, agnostic = f32(0.5, 0.5, 0.5), f32(0, 0, 0), i32(2000, 2000, 2000), np.zeros(3, bool)
    return lambda: framecast_core.nms(
        boxes,
        scores,
        classes,
        splits,
        iou_thresholds=iou,
        score_thresholds=floor,
        max_detections=most,
        class_agnostic=agnostic,
        pool=pool,
    )


def serialise_results(pool: Pool) -> Call:
    # Messages of less than 512 bytes, since each is a new object.
    rng = np.random.default_rng(1)
    categories = framecast_core.CategoryTable(i32(1, 2, 3), ["car", "bus", ""])
    indices, sizes = np.arange(40), np.full((40, 2), 500, np.int32)
    boxes, scores, splits = clustered_boxes(rng, 240), rng.random(240, np.float32), np.arange(41) * 6
    classes = rng.integers(3, size=240, dtype=np.int32)
    return lambda: framecast_core.serialise_results(
        categories, indices, sizes, splits=splits, boxes=boxes, scores=scores, classes=classes, pool=pool
    )


CALLS: dict[str, Callable[[Pool], Call]] = {"map_boxes": map_boxes, "nms": nms, "serialise_results": serialise_results}
