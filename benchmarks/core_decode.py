"""Decoding of detection heads: framecast_core, and NumPy and PyTorch as pipelines write it.

A 640 x 640 picture of 25 objects: YOLOv5's three levels of raw logits (25,200 positions x 85), or the same decoded by
the graph as rows [1, 25200, 85]. Objectness is high at about 1 % of the positions, near objects, and background
elsewhere; an object's class stands out, the others are background.

    python -m benchmarks.core_decode --json benchmarks/results/core_decode.json
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

import framecast_core
from benchmarks.measure import US, Case, arguments, measure, pin_to_one_thread, report

CLASSES = 80
SIZE = 640
STRIDES = np.array([8, 16, 32], np.float32)
ANCHORS = np.array(
    [[[10, 13], [16, 30], [33, 23]], [[30, 61], [62, 45], [59, 119]], [[116, 90], [156, 198], [373, 326]]], np.float32
)
SHOWS_NOT = (
    "non-maximum suppression, more than one thread or image, or tensors that have left the caches: all sides read the "
    "same tensor again and again; what share of positions passes, and how they cluster, decides how much is read. Rows "
    "are bound by memory: every objectness lies on a cache line of its own, so that no side can be faster than the "
    "maximum of the column, nor the ratio to NumPy higher than NumPy's to that."
)

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Head:
    levels: list[Array]
    """[1, 3 * 85, h, w] each."""
    rows: Array
    """[1, 25200, 85]."""


def head(seed: int = 0) -> Head:
    """Raw logits, and the same decoded."""
    rng = np.random.default_rng(seed)
    centers, sizes = rng.uniform(0, SIZE, (25, 2)), np.exp(rng.uniform(np.log(12), np.log(250), (25, 2)))
    classes = rng.integers(CLASSES, size=25)
    levels = []
    for stride, anchors in zip(STRIDES, ANCHORS, strict=True):
        cells = int(SIZE // stride)
        logits = rng.normal(-1, 1, (1, 3, 5 + CLASSES, cells, cells))
        logits[:, :, 4] = rng.normal(-9, 1.5, (1, 3, cells, cells))
        logits[:, :, 5:] = rng.normal(-8, 1.5, (1, 3, CLASSES, cells, cells))
        for center, extent, label in zip(centers, sizes, classes, strict=True):
            x, y = (center // stride).astype(int)
            for a, anchor in enumerate(anchors):
                # Anchors that fit the object fire in a patch of cells around its centre.
                if np.max(np.abs(np.log(extent / anchor))) > np.log(3):
                    continue
                patch = np.s_[0, a, :, max(0, y - 1) : y + 2, max(0, x - 1) : x + 2]
                logits[patch][4] = rng.normal(0.5, 2, logits[patch][4].shape)
                logits[patch][5 + label] = rng.normal(1.5, 1.5, logits[patch][4].shape)
        levels.append(logits.reshape(1, -1, cells, cells).astype(np.float32))
    return Head(levels, torch_grid([torch.from_numpy(level) for level in levels]).numpy())


def numpy_grid(levels: list[Array]) -> Array:
    """Levels to rows [1, N, 85], as exported graphs and NumPy ports do it."""
    decoded = []
    for level, stride, anchors in zip(levels, STRIDES, ANCHORS, strict=True):
        height, width = level.shape[2:]
        values = 1 / (1 + np.exp(-level.reshape(1, 3, -1, height, width).transpose(0, 1, 3, 4, 2)))
        y, x = np.meshgrid(np.arange(height, dtype=np.float32), np.arange(width, dtype=np.float32), indexing="ij")
        values[..., :2] = (values[..., :2] * 2 - 0.5 + np.stack([x, y], -1)) * stride
        values[..., 2:4] = (values[..., 2:4] * 2) ** 2 * anchors[None, :, None, None]
        decoded.append(values.reshape(1, -1, values.shape[-1]))
    return np.concatenate(decoded, 1)


def torch_grid(levels: list[torch.Tensor]) -> torch.Tensor:
    decoded = []
    for level, stride, anchors in zip(levels, STRIDES, ANCHORS, strict=True):
        height, width = level.shape[2:]
        values = level.view(1, 3, -1, height, width).permute(0, 1, 3, 4, 2).sigmoid()
        y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
        values[..., :2] = (values[..., :2] * 2 - 0.5 + torch.stack([x, y], -1)) * float(stride)
        values[..., 2:4] = (values[..., 2:4] * 2) ** 2 * torch.from_numpy(anchors)[None, :, None, None]
        decoded.append(values.reshape(1, -1, values.shape[-1]))
    return torch.cat(decoded, 1)


def numpy_rows(rows: Array, threshold: float, multi_label: bool) -> tuple[Array, Array, NDArray[np.int64]]:
    """Rows to boxes, scores and classes: by objectness, then by score."""
    rows = rows[0][rows[0, :, 4] > threshold]
    scores = rows[:, 5:] * rows[:, 4:5]
    boxes = np.concatenate([rows[:, :2] - rows[:, 2:4] / 2, rows[:, :2] + rows[:, 2:4] / 2], axis=1)
    if multi_label:
        positions, classes = np.nonzero(scores > threshold)
        return boxes[positions], scores[positions, classes], classes
    best = scores.argmax(1)
    confidence = scores[np.arange(len(best)), best]
    keep = confidence > threshold
    return boxes[keep], confidence[keep], best[keep]


def torch_rows(rows: torch.Tensor, threshold: float, multi_label: bool) -> tuple[torch.Tensor, ...]:
    rows = rows[0][rows[0, :, 4] > threshold]
    scores = rows[:, 5:] * rows[:, 4:5]
    boxes = torch.cat([rows[:, :2] - rows[:, 2:4] / 2, rows[:, :2] + rows[:, 2:4] / 2], 1)
    if multi_label:
        positions, classes = (scores > threshold).nonzero(as_tuple=True)
        return boxes[positions], scores[positions, classes], classes
    confidence, best = scores.max(1)
    keep = confidence > threshold
    return boxes[keep], confidence[keep], best[keep]


def text(found: tuple[NDArray[np.generic], ...], theirs: int, threshold: float, multi_label: bool) -> str:
    return (
        f"score > {threshold}, {'every class' if multi_label else 'best class'}: {len(found[1])} candidates, "
        f"PyTorch {theirs}"
    )


def levels_case(given: Head, threshold: float, multi_label: bool, samples: int) -> Case:
    floor = np.array([threshold], np.float32)
    half = [level.astype(np.float16) for level in given.levels]
    scale = 24 / 255
    quantized = [(np.clip(np.rint(level / scale) + 40, -128, 127).astype(np.int8), scale, 40) for level in given.levels]
    tensors = [torch.from_numpy(level) for level in given.levels]
    planes = [level.reshape(3, 5 + CLASSES, -1)[:, 4] for level in given.levels]

    def ours(levels: list[Array]) -> Callable[[], tuple[NDArray[np.generic], ...]]:
        return lambda: framecast_core.decode_yolov5(
            levels, ANCHORS, STRIDES, score_thresholds=floor, class_filter=None, multi_label=multi_label
        )

    by_torch = torch_rows(torch_grid(tensors), threshold, multi_label)
    sides: dict[str, Callable[[], object]] = {
        US: ours(given.levels),
        f"{US}, float16": ours(half),  # type: ignore[arg-type]
        f"{US}, int8": ours(quantized),  # type: ignore[arg-type]
        "numpy": lambda: numpy_rows(numpy_grid(given.levels), threshold, multi_label),
        "torch": lambda: torch_rows(torch_grid(tensors), threshold, multi_label),
        "numpy, max of the objectness alone": lambda: [plane[a].max() for plane in planes for a in range(3)],
    }
    return measure(
        "yolov5 levels", text(ours(given.levels)(), len(by_torch[1]), threshold, multi_label), sides, samples=samples
    )


def rows_case(given: Head, threshold: float, multi_label: bool, samples: int) -> Case:
    floor = np.array([threshold], np.float32)
    rows, half, tensor = given.rows, given.rows.astype(np.float16), torch.from_numpy(given.rows)

    def ours(output: Array) -> Callable[[], tuple[NDArray[np.generic], ...]]:
        return lambda: framecast_core.decode_detections(
            output,
            score_thresholds=floor,
            class_filter=None,
            multi_label=multi_label,
            objectness=True,
            channels_first=False,
        )

    sides: dict[str, Callable[[], object]] = {
        US: ours(rows),
        f"{US}, float16": ours(half),  # type: ignore[arg-type]
        "numpy": lambda: numpy_rows(rows, threshold, multi_label),
        "torch": lambda: torch_rows(tensor, threshold, multi_label),
        "numpy, max of the objectness column alone": lambda: rows[0, :, 4].max(),
    }
    theirs = len(torch_rows(tensor, threshold, multi_label)[1])
    return measure("rows 25200 x 85", text(ours(rows)(), theirs, threshold, multi_label), sides, samples=samples)


def main() -> None:
    options = arguments(__doc__)
    pin_to_one_thread()
    cases = []
    for threshold, multi_label in ((0.25, False), (0.25, True), (0.001, True)):
        cases.append(levels_case(head(), threshold, multi_label, options.samples))
        cases.append(rows_case(head(), threshold, multi_label, options.samples))
    report(cases, shows_not=SHOWS_NOT, to=options.json)


if __name__ == "__main__":
    main()
