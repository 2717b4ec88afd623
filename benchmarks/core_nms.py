"""Non-maximum suppression of a detector's candidates: framecast_core, ONNX Runtime's operator, torchvision, OpenCV.

N candidates in 80 classes with a long tail: N / 80 objects with about nine jittered duplicates each above 0.25, the
rest background with log-uniform scores from 1e-5 to 0.25; IoU 0.45, up to 300 kept or all of them.

    python -m benchmarks.core_nms --json benchmarks/results/core_nms.json
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import onnx
import onnxruntime
import torch
import torchvision
from numpy.typing import NDArray
from onnx import TensorProto, helper

import framecast_core
from benchmarks.measure import US, Case, arguments, measure, measure_two_threads, pin_to_one_thread, report

CLASSES = 80
IOU = 0.45
SHOWS_NOT = (
    "crowded scenes of one class, or the cost of decoding; "
    "ONNX Runtime's operator is given the class scores as a dense [80, N] matrix, made outside the timing, and sorts "
    "per class, not per image; with class offsets, also added outside the timing, it is inexact; torchvision's "
    "batched_nms is inexact where class offsets round, and is given only the candidates above the threshold; the "
    "shares of small and large boxes and of crowded classes decide how many pairs are compared, on every side."
)


@dataclass(frozen=True)
class Candidates:
    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]
    classes: NDArray[np.int32]


def candidates(count: int, seed: int = 0) -> Candidates:
    """`count` boxes around objects of a 640 x 640 picture."""
    rng = np.random.default_rng(seed)
    objects = count // 80
    weights = 1 / np.arange(1, CLASSES + 1)
    weights /= weights.sum()
    centers = rng.uniform(0, 640, (objects, 2))
    sizes = np.exp(rng.uniform(np.log(12), np.log(250), (objects, 2)))
    of_object = rng.choice(CLASSES, objects, p=weights)
    near = np.repeat(np.arange(objects), 9)[: count // 9]
    far = count - len(near)
    far_sizes = np.exp(rng.uniform(np.log(8), np.log(300), (far, 2)))
    middle = np.concatenate(
        [centers[near] + rng.normal(0, 0.06, (len(near), 2)) * sizes[near], rng.uniform(0, 640, (far, 2))]
    )
    extent = np.concatenate([sizes[near] * np.exp(rng.normal(0, 0.08, (len(near), 2))), far_sizes])
    scores = np.concatenate([rng.uniform(0.25, 0.95, len(near)), np.exp(rng.uniform(np.log(1e-5), np.log(0.25), far))])
    classes = np.concatenate([of_object[near], rng.choice(CLASSES, far, p=weights)])
    order = rng.permutation(count)
    boxes = np.concatenate([middle - extent / 2, middle + extent / 2], axis=1)
    return Candidates(
        boxes[order].astype(np.float32), scores[order].astype(np.float32), classes[order].astype(np.int32)
    )


def ours(given: Candidates, score: float, limit: int) -> Callable[[], NDArray[np.int64]]:
    splits = np.array([0, len(given.boxes)])
    iou, floor = np.array([IOU], np.float32), np.array([score], np.float32)
    most, agnostic = np.array([limit], np.int32), np.array([False])

    def run() -> NDArray[np.int64]:
        keep, _ = framecast_core.nms(
            given.boxes,
            given.scores,
            given.classes,
            splits,
            iou_thresholds=iou,
            score_thresholds=floor,
            max_detections=most,
            class_agnostic=agnostic,
        )
        return keep

    return run


def by_onnxruntime(given: Candidates, score: float, *, offset: bool = False) -> Callable[[], NDArray[np.int64]]:
    """Per class from a dense matrix of scores; or with `offset` as one class of boxes moved apart by class."""
    planes = 1 if offset else CLASSES
    names = ["boxes", "scores", "limit", "iou", "score"]
    inputs = [
        helper.make_tensor_value_info("boxes", TensorProto.FLOAT, [1, None, 4]),
        helper.make_tensor_value_info("scores", TensorProto.FLOAT, [1, planes, None]),
    ]
    constants = [
        helper.make_tensor("limit", TensorProto.INT64, [1], [len(given.boxes)]),
        helper.make_tensor("iou", TensorProto.FLOAT, [1], [IOU]),
        helper.make_tensor("score", TensorProto.FLOAT, [1], [score]),
    ]
    graph = helper.make_graph(
        [helper.make_node("NonMaxSuppression", names, ["kept"])],
        "nms",
        inputs,
        [helper.make_tensor_value_info("kept", TensorProto.INT64, [None, 3])],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    onnx.checker.check_model(model)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    dense = np.zeros((1, planes, len(given.boxes)), np.float32)
    dense[0, 0 if offset else given.classes, np.arange(len(given.boxes))] = given.scores
    boxes = given.boxes + given.classes[:, None].astype(np.float32) * np.float32(4096) if offset else given.boxes
    feed = {"boxes": boxes[None], "scores": dense}

    def run() -> NDArray[np.int64]:
        kept: NDArray[np.int64] = session.run(None, feed)[0]
        return kept

    return run


def by_torchvision(given: Candidates, score: float) -> Callable[[], torch.Tensor]:
    boxes, scores = torch.from_numpy(given.boxes), torch.from_numpy(given.scores)
    classes = torch.from_numpy(given.classes)

    def run() -> torch.Tensor:
        rows = torch.nonzero(scores > score).squeeze(1)
        kept: torch.Tensor = rows[torchvision.ops.batched_nms(boxes[rows], scores[rows], classes[rows], IOU)]
        return kept

    return run


def by_opencv(given: Candidates, score: float) -> Callable[[], object]:
    corners: Any = given.boxes.copy()
    corners[:, 2:] -= corners[:, :2]
    scores: Any = given.scores
    classes: Any = given.classes
    return lambda: cv2.dnn.NMSBoxesBatched(corners, scores, classes, score, IOU)


def case(count: int, score: float, samples: int) -> Case:
    given = candidates(count)
    everything = ours(given, score, count)
    by_operator = by_onnxruntime(given, score)
    kept = set(everything().tolist())
    same = kept == set(by_operator()[:, 2].tolist())
    entering = int((given.scores > score).sum())
    text = f"N = {count}, score > {score}: {entering} enter, {len(kept)} stay; ONNX Runtime keeps the same: {same}"
    sides: dict[str, Callable[[], object]] = {
        US: everything,
        f"{US}, at most 300": ours(given, score, 300),
        "onnxruntime NonMaxSuppression": by_operator,
        "onnxruntime, class offsets": by_onnxruntime(given, score, offset=True),
        "torchvision batched_nms": by_torchvision(given, score),
    }
    if count <= 8400:
        sides["opencv NMSBoxesBatched"] = by_opencv(given, score)
    return measure("nms", text, sides, samples=samples)


def threads_case(images: int, count: int, score: float, samples: int) -> Case:
    batch = [candidates(count, seed) for seed in range(images)]
    boxes, scores = np.concatenate([one.boxes for one in batch]), np.concatenate([one.scores for one in batch])
    classes, splits = np.concatenate([one.classes for one in batch]), np.arange(images + 1) * count
    settings: dict[str, Any] = {
        "iou_thresholds": np.full(images, IOU, np.float32),
        "score_thresholds": np.full(images, score, np.float32),
        "max_detections": np.full(images, 300, np.int32),
        "class_agnostic": np.zeros(images, np.bool_),
    }

    def run(pool: framecast_core.ThreadPool | None) -> object:
        return framecast_core.nms(boxes, scores, classes, splits, **settings, pool=pool)

    text = f"{images} images of N = {count}, score > {score}, at most 300 each"
    return measure_two_threads("nms, two threads", text, run, samples=samples)


def main() -> None:
    options = arguments(__doc__)
    pin_to_one_thread()
    cases = [case(count, score, options.samples) for count, score in ((8400, 0.001), (8400, 0.25), (25200, 0.001))]
    cases.append(threads_case(16, 8400, 0.001, options.samples))
    report(cases, shows_not=SHOWS_NOT, to=options.json)


if __name__ == "__main__":
    main()
