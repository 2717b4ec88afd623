"""Non-maximum suppression of rotated boxes: framecast_core and OpenCV.

N candidates of one class as in aerial images: N / 8 long, turned objects with eight jittered copies each on a
2000 x 2000 picture; all enter, IoU 0.3.

    python -m benchmarks.core_nms_rotated --json benchmarks/results/core_nms_rotated.json
"""

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

import framecast_core
from benchmarks.measure import US, Case, arguments, measure, pin_to_one_thread, report

IOU = 0.3
SHOWS_NOT = (
    "batches, threads, several classes, or peers that need a build of their own (detectron2, mmcv); OpenCV is given "
    "its list of tuples ready made, computes with float32 polygons, and its angle is in degrees."
)


def candidates(count: int, seed: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Boxes [count, 5] with the angle in radians, and their scores."""
    rng = np.random.default_rng(seed)
    objects = count // 8
    length = np.exp(rng.uniform(np.log(15), np.log(150), objects))
    sizes = np.stack([length, length * rng.uniform(0.2, 0.6, objects)], axis=1)
    boxes = np.concatenate([rng.uniform(0, 2000, (objects, 2)), sizes, rng.uniform(0, np.pi, (objects, 1))], axis=1)
    boxes = np.repeat(boxes, 8, axis=0)
    boxes[:, :2] += rng.normal(0, 0.06, (len(boxes), 2)) * boxes[:, 2:4].min(axis=1, keepdims=True)
    boxes[:, 2:4] *= np.exp(rng.normal(0, 0.08, (len(boxes), 2)))
    boxes[:, 4] += rng.normal(0, 0.05, len(boxes))
    return boxes.astype(np.float32), rng.uniform(0.25, 0.95, len(boxes)).astype(np.float32)


def case(count: int, seed: int, samples: int) -> Case:
    boxes, scores = candidates(count, seed)
    settings: dict[str, Any] = {
        "iou_thresholds": np.array([IOU], np.float32),
        "score_thresholds": np.array([0.25], np.float32),
        "max_detections": np.array([count], np.int32),
        "class_agnostic": np.array([True]),
    }
    classes, splits = np.zeros(count, np.int32), np.array([0, count])
    rects: Any = [((b[0], b[1]), (b[2], b[3]), float(np.degrees(b[4]))) for b in boxes.tolist()]
    score_list = scores.tolist()

    def ours() -> NDArray[np.int64]:
        return framecast_core.nms_rotated(boxes, scores, classes, splits, **settings)[0]

    def by_opencv() -> Any:
        return cv2.dnn.NMSBoxesRotated(rects, score_list, 0.25, IOU)

    kept, theirs = ours().tolist(), np.asarray(by_opencv()).ravel().tolist()
    text = f"N = {count}, seed {seed}: {len(kept)} stay; OpenCV keeps the same: {set(kept) == set(theirs)}"
    sides: dict[str, Callable[[], object]] = {US: ours, "opencv NMSBoxesRotated": by_opencv}
    return measure("nms_rotated", text, sides, samples=samples)


def main() -> None:
    options = arguments(__doc__)
    pin_to_one_thread()
    cases = [case(count, seed, options.samples) for count, seed in ((400, 0), (2000, 1), (2000, 2))]
    report(cases, shows_not=SHOWS_NOT, to=options.json)


if __name__ == "__main__":
    main()
