"""Checks framecast_core's polygons of very many random masks: valid, near, and exact without simplification.

    python scripts/check_core_masks.py --cases 1000000

Per mask: the outline without simplification fills back to the identical mask; the simplified multipolygon is valid by
Shapely, has the same parts and holes, and each ring's Hausdorff distance to its outline is at most epsilon. Masks are
noise of all densities, blobs, spirals, checkerboards, nested frames, single pixels, diagonals, stripes, rectangles upon
rectangles, and soft masks in boxes that lie partly outside their image (against torchvision's own pixels).
"""

import argparse
import time
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import shapely
import torch
from numpy.typing import NDArray
from torchvision.models.detection.roi_heads import paste_masks_in_image

import framecast_core

Masks = NDArray[np.bool_]
BATCH = 250
DENSIFY = 0.2


def noise(rng: np.random.Generator, shape: tuple[int, int, int]) -> Masks:
    return np.asarray(rng.random(shape) < rng.random((shape[0], 1, 1)))


def blobs(rng: np.random.Generator, shape: tuple[int, int, int]) -> Masks:
    values = rng.random(shape).astype(np.float32)
    for k in range(shape[0]):
        values[k] = cv2.GaussianBlur(values[k], (0, 0), float(rng.uniform(0.6, 4))).reshape(shape[1:])
    return np.asarray(values > np.quantile(values, rng.uniform(0.05, 0.95), axis=(1, 2), keepdims=True))


def polar(rng: np.random.Generator, shape: tuple[int, int, int]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Angle and distance of each pixel from each mask's own centre."""
    count, height, width = shape
    y, x = np.mgrid[:height, :width]
    center_x, center_y = rng.uniform(0, width, (count, 1, 1)), rng.uniform(0, height, (count, 1, 1))
    return np.arctan2(y - center_y, x - center_x), np.hypot(y - center_y, x - center_x)


def spirals(rng: np.random.Generator, shape: tuple[int, int, int]) -> Masks:
    angle, radius = polar(rng, shape)
    turns = radius / rng.uniform(2.5, 8, (shape[0], 1, 1)) + angle / (2 * np.pi) * rng.choice(
        [-2, -1, 1, 2], (shape[0], 1, 1)
    )
    return np.asarray(turns % 1 < rng.uniform(0.2, 0.8, (shape[0], 1, 1)))


def frames(rng: np.random.Generator, shape: tuple[int, int, int]) -> Masks:
    """Rings in rings, round or square, with a few pixels flipped."""
    angle, radius = polar(rng, shape)
    square = np.maximum(np.abs(radius * np.cos(angle)), np.abs(radius * np.sin(angle)))
    distance = np.where(rng.random((shape[0], 1, 1)) < 0.5, radius, square)
    nested = distance // rng.integers(1, 6, (shape[0], 1, 1)) % 2 == 0
    return np.asarray(nested ^ (rng.random(shape) < rng.choice([0, 0, 0.01, 0.05])))


def checkerboards(rng: np.random.Generator, shape: tuple[int, int, int]) -> Masks:
    y, x = np.mgrid[: shape[1], : shape[2]]
    side_x, side_y = rng.integers(1, 5, (2, shape[0], 1, 1))
    board = (x // side_x + y // side_y) % 2 == 0
    return np.asarray(board ^ (rng.random(shape) < rng.choice([0, 0.02, 0.1])))


def pixels(rng: np.random.Generator, shape: tuple[int, int, int]) -> Masks:
    return np.asarray(rng.random(shape) < rng.choice([1, 2, 4, 12]) / (shape[1] * shape[2]))


def diagonals(rng: np.random.Generator, shape: tuple[int, int, int]) -> Masks:
    y, x = np.mgrid[: shape[1], : shape[2]]
    sign, period = rng.choice([-1, 1], (shape[0], 1, 1)), rng.integers(2, 9, (shape[0], 1, 1))
    lines = (x + sign * y) % period < rng.integers(1, 3, (shape[0], 1, 1))
    return np.asarray(lines ^ (rng.random(shape) < rng.choice([0, 0.02, 0.2])))


def rectangles(rng: np.random.Generator, shape: tuple[int, int, int]) -> Masks:
    masks = np.zeros(shape, bool)
    for mask in masks:
        for _ in range(rng.integers(1, 9)):
            x, y = rng.integers(shape[2]), rng.integers(shape[1])
            mask[y : y + rng.integers(1, shape[1] + 1), x : x + rng.integers(1, shape[2] + 1)] ^= True
    return masks


KINDS: tuple[Callable[[np.random.Generator, tuple[int, int, int]], Masks], ...] = (
    noise,
    blobs,
    spirals,
    frames,
    checkerboards,
    pixels,
    diagonals,
    rectangles,
)


def rings_of(polygons: framecast_core.Polygons) -> Any:
    """All rings as shapely.LinearRing, in one array."""
    of_point = np.repeat(np.arange(len(polygons.ring_splits) - 1), np.diff(polygons.ring_splits))
    return shapely.linearrings(polygons.points.astype(np.float64), indices=of_point)


def multipolygons_of(polygons: framecast_core.Polygons, rings: Any) -> Any:
    """A shapely.MultiPolygon per instance that has parts."""
    of_ring = np.repeat(np.arange(len(polygons.part_splits) - 1), np.diff(polygons.part_splits))
    parts_of = np.diff(polygons.instance_splits)
    parts_of = parts_of[parts_of > 0]
    of_part = np.repeat(np.arange(len(parts_of)), parts_of)
    parts = shapely.polygons(rings, indices=of_ring)
    return shapely.multipolygons(parts, indices=of_part)


def fill(polygons: framecast_core.Polygons, instance: int, height: int, width: int) -> NDArray[np.uint8]:
    rings = polygons.part_splits[polygons.instance_splits[instance : instance + 2]]
    splits = polygons.ring_splits[rings[0] : rings[1] + 1]
    points = polygons.points[splits[0] : splits[-1]]
    return framecast_core.polygons_to_mask(points, splits - splits[0], height, width)


def check_simplified(exact: framecast_core.Polygons, simple: framecast_core.Polygons, rdp: NDArray[np.float32]) -> None:
    assert simple.part_splits.tolist() == exact.part_splits.tolist()
    assert simple.instance_splits.tolist() == exact.instance_splits.tolist()
    if len(exact.points) == 0:
        return
    before, after = rings_of(exact), rings_of(simple)
    shapes = multipolygons_of(simple, after)
    valid = shapely.is_valid(shapes)
    assert valid.all(), shapely.is_valid_reason(shapes[~valid][0])
    instance_of_part = np.repeat(np.arange(len(exact)), np.diff(exact.instance_splits))
    instance_of_ring = np.repeat(instance_of_part, np.diff(exact.part_splits))
    epsilons = rdp[instance_of_ring].astype(np.float64) * shapely.length(before)
    distances = shapely.hausdorff_distance(before, after, densify=DENSIFY)
    assert (distances <= epsilons * (1 + 1e-9)).all(), (distances - epsilons).max()


def check_binary(rng: np.random.Generator) -> None:
    height, width = (int(side) for side in rng.integers(1, 33, 2))
    masks = KINDS[rng.integers(len(KINDS))](rng, (BATCH, height, width))
    rdp = rng.choice(np.array([0.002, 0.005, 0.01, 0.03, 0.1, 0.5], np.float32), BATCH)
    exact = framecast_core.binary_masks_to_polygons(masks, rdp_thresholds=np.zeros(BATCH, np.float32))
    simple = framecast_core.binary_masks_to_polygons(masks, rdp_thresholds=rdp)
    for k in range(BATCH):
        np.testing.assert_array_equal(fill(exact, k, height, width), masks[k])
    if len(exact.points):
        assert shapely.is_valid(multipolygons_of(exact, rings_of(exact))).all()
    check_simplified(exact, simple, rdp)


def check_soft(rng: np.random.Generator) -> None:
    size, height, width = int(rng.choice([3, 7, 14, 28])), 60, 70
    masks = rng.random((BATCH, size, size), np.float32)
    sigma = float(rng.choice([0, size / 12, size / 5]))
    if sigma > 0:
        masks = np.stack([cv2.GaussianBlur(mask, (0, 0), sigma) for mask in masks])
    extents = rng.exponential(25, (BATCH, 2)) + 1
    corners = rng.uniform(2 - extents, 55)  # torchvision fails on a box wholly outside.
    boxes = np.concatenate([corners, corners + extents], axis=1).astype(np.float32)
    sizes = np.tile(np.array([[height, width]], np.int32), (BATCH, 1))
    rdp = rng.choice(np.array([0.002, 0.005, 0.01, 0.03, 0.1], np.float32), BATCH)

    def polygons(thresholds: NDArray[np.float32]) -> framecast_core.Polygons:
        return framecast_core.masks_to_polygons(masks, boxes, sizes, threshold=0.5, rdp_thresholds=thresholds)

    exact, simple = polygons(np.zeros(BATCH, np.float32)), polygons(rdp)
    values = paste_masks_in_image(torch.from_numpy(masks)[:, None], torch.from_numpy(boxes), (height, width))[:, 0]
    for k in range(BATCH):
        mask = fill(exact, k, height, width).astype(bool)
        assert mask.sum() == exact.areas[k]
        clear = ((values[k] - 0.5).abs() > 1e-5).numpy()
        np.testing.assert_array_equal(mask[clear], (values[k] > 0.5).numpy()[clear])
    check_simplified(exact, simple, rdp)


def check(cases: int, seed: int) -> int:
    """Checks at least so many masks; returns how many. AssertionError names what is broken."""
    done, last = 0, time.monotonic()
    for batch in range(-(-cases // BATCH)):
        try:
            (check_soft if batch % 8 == 7 else check_binary)(np.random.default_rng([seed, batch]))
        except Exception as error:
            error.add_note(f"seed {seed}, batch {batch}")
            raise
        done += BATCH
        if time.monotonic() - last > 30:
            last = time.monotonic()
            print(f"{done} masks", flush=True)
    return done


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    done = check(options.cases, options.seed)
    print(f"{done} masks: valid, within epsilon, exact without simplification")


if __name__ == "__main__":
    main()
