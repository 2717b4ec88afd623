"""Soft masks of 28 x 28 to simplified polygons of the picture: framecast_core, OpenCV on box crops, torchvision.

100 instances on 1280 x 720, threshold 0.5, epsilon 0.005 of each ring's perimeter; the memory of 300 on 12 megapixels.

    python -m benchmarks.core_masks --json benchmarks/results/core_masks.json
"""

import subprocess
import sys
from collections.abc import Callable

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torchvision.models.detection.roi_heads import paste_masks_in_image

import framecast_core
from benchmarks.measure import US, Case, Peak, arguments, measure, measure_two_threads, pin_to_one_thread, report

INSTANCES = 100
SIZE = 28
HEIGHT, WIDTH = 720, 1280
RDP = 0.005
SHOWS_NOT = (
    "masks that are noise, or times on larger pictures; the peers' polygons are not checked for validity and may cross "
    "themselves, ours are valid; OpenCV's contours run through the pixels' centres, ours along their edges; OpenCV on "
    "box crops resizes the 28 x 28 mask without torchvision's pixel of padding."
)


def instances(seed: int = 0) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Blobby soft masks [100, 28, 28], some with a hole or a second part, and their boxes [100, 4] in pixels."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:SIZE, 0:SIZE] + 0.5
    masks = np.empty((INSTANCES, SIZE, SIZE), np.float32)
    for mask in masks:
        angle, radius = np.arctan2(y - 14, x - 14), np.hypot(y - 14, x - 14)
        outline = 10.5 + sum(rng.normal(0, 1.2 / k) * np.cos(k * angle + rng.uniform(0, 6)) for k in range(2, 7))
        level = outline - radius
        if rng.random() < 0.2:
            level = np.minimum(level, np.hypot(y - rng.uniform(10, 18), x - rng.uniform(10, 18)) - 3)
        mask[:] = 1 / (1 + np.exp(-1.5 * level + rng.normal(0, 0.3, level.shape)))
    extents = np.exp(rng.uniform(np.log(24), np.log(320), (INSTANCES, 2)))
    corners = rng.uniform(0, 1, (INSTANCES, 2)) * (np.array([WIDTH, HEIGHT]) - extents)
    return masks, np.concatenate([corners, corners + extents], axis=1).astype(np.float32)


def simplified(mask: NDArray[np.uint8]) -> int:
    contours, _ = cv2.findContours(mask, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    return sum(len(cv2.approxPolyDP(ring, RDP * cv2.arcLength(ring, True), True)) for ring in contours)


def by_opencv(masks: NDArray[np.float32], boxes: NDArray[np.float32]) -> Callable[[], int]:
    def run() -> int:
        points = 0
        for mask, (x1, y1, x2, y2) in zip(masks, boxes.astype(int).tolist(), strict=True):
            large = cv2.resize(mask, (x2 - x1 + 1, y2 - y1 + 1), interpolation=cv2.INTER_LINEAR)
            points += simplified((large > 0.5).view(np.uint8))
        return points

    return run


def by_torchvision(masks: NDArray[np.float32], boxes: NDArray[np.float32]) -> Callable[[], int]:
    soft, corners = torch.from_numpy(masks)[:, None], torch.from_numpy(boxes)

    def run() -> int:
        pasted = paste_masks_in_image(soft, corners, (HEIGHT, WIDTH)) > 0.5
        return sum(simplified(mask[0].view(np.uint8)) for mask in pasted.numpy())

    return run


def case(samples: int) -> Case:
    masks, boxes = instances()
    sizes = np.tile(np.array([[HEIGHT, WIDTH]], np.int32), (INSTANCES, 1))
    thresholds, whole = np.full(INSTANCES, RDP, np.float32), np.zeros(INSTANCES, np.float32)

    def ours(rdp: NDArray[np.float32]) -> framecast_core.Polygons:
        return framecast_core.masks_to_polygons(masks, boxes, sizes, threshold=0.5, rdp_thresholds=rdp)

    opencv = by_opencv(masks, boxes)
    text = (
        f"{INSTANCES} masks {SIZE} x {SIZE} on {WIDTH} x {HEIGHT}, {int(ours(thresholds).areas.sum())} pixels; "
        f"{len(ours(thresholds).points)} points by us, {opencv()} by OpenCV"
    )
    sides: dict[str, Callable[[], object]] = {
        US: lambda: ours(thresholds),
        f"{US}, not simplified": lambda: ours(whole),
        "opencv on box crops": opencv,
        "torchvision paste + opencv": by_torchvision(masks, boxes),
    }
    return measure("masks", text, sides, samples=samples)


def threads_case(samples: int) -> Case:
    masks, boxes = instances()
    sizes = np.tile(np.array([[HEIGHT, WIDTH]], np.int32), (INSTANCES, 1))
    thresholds = np.full(INSTANCES, RDP, np.float32)

    def run(pool: framecast_core.ThreadPool | None) -> object:
        return framecast_core.masks_to_polygons(
            masks, boxes, sizes, threshold=0.5, rdp_thresholds=thresholds, pool=pool
        )

    text = f"{INSTANCES} masks {SIZE} x {SIZE} on {WIDTH} x {HEIGHT}"
    return measure_two_threads("masks, two threads", text, run, samples=samples)


def peak_memory() -> Peak:
    """Of a process that does nothing else, so that no memory freed before serves."""
    command = [sys.executable, "-m", "benchmarks.core_masks_memory"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    text = "300 masks 28 x 28 on 4000 x 3000, not simplified and simplified, a pool of two threads"
    return Peak("masks, memory", text, int(done.stdout) / 1024, goal=64)


def main() -> None:
    options = arguments(__doc__)
    pin_to_one_thread()
    cases = [case(options.samples), threads_case(options.samples)]
    report(cases, shows_not=SHOWS_NOT, to=options.json, peaks=[peak_memory()])


if __name__ == "__main__":
    main()
