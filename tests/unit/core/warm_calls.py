"""A typical call of each kernel, made ready: for tests that repeat calls and watch what they cost or give.

Each entry of `CALLS` takes a pool or None and returns a call without arguments.
"""

from collections.abc import Callable

import numpy as np

import framecast_core
from tests.unit.core.candidates import clustered_boxes, f32, i32, splits_of

Call = Callable[[], object]
Pool = framecast_core.ThreadPool | None


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


CALLS: dict[str, Callable[[Pool], Call]] = {"nms": nms}
