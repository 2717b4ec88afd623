"""Ramer-Douglas-Peucker on rings: framecast_core, OpenCV, Shapely. Visvalingam-Whyatt: framecast_core, plain Python.

1,000 blobs of about 50 or 500 points, epsilon 0.005 of each ring's perimeter; 100 of about 500, areas of 5 and more.

    python -m benchmarks.core_simplify --json benchmarks/results/core_simplify.json
"""

import heapq
from collections.abc import Callable

import cv2
import numpy as np
import shapely
from numpy.typing import NDArray

import framecast_core
from benchmarks.measure import US, Case, arguments, measure, pin_to_one_thread, report

RINGS = 1000
SHOWS_NOT = (
    "the worst case, for which the peers are quadratic and framecast_core is not; rings of pixel outlines, which "
    "core_masks measures; whether the result is valid: none of the sides checks that here. OpenCV and Shapely are "
    "called once per ring, as their API wants it, and may exceed epsilon by some percent; the rings of each are made "
    "outside the timing. Shapely keeps the first point of a ring; framecast_core and OpenCV choose where to cut it. "
    "Neither has Visvalingam-Whyatt: its peer is the definition with Python's heapq, an interpreter's speed."
)


def blob(rng: np.random.Generator, count: int) -> NDArray[np.float32]:
    """A wavy, slightly noisy closed outline of `count` points, about 100 pixels in radius."""
    angle = np.linspace(0, 2 * np.pi, count, endpoint=False)
    waves = [rng.normal(0, 15 / k) * np.cos(k * angle + rng.uniform(0, 6)) for k in range(1, 9)]
    radius = 100 + np.sum(waves, axis=0) + rng.normal(0, 0.4, count)
    return np.stack([200 + radius * np.cos(angle), 200 + radius * np.sin(angle)], 1).astype(np.float32)


def perimeter(ring: NDArray[np.float32]) -> float:
    return float(np.hypot(*(ring - np.roll(ring, 1, axis=0)).T).sum())


def case(count: int, samples: int) -> Case:
    rng = np.random.default_rng(0)
    rings = [blob(rng, int(rng.integers(count * 4 // 5, count * 6 // 5 + 1))) for _ in range(RINGS)]
    epsilons = [0.005 * perimeter(ring) for ring in rings]
    points, splits = np.concatenate(rings), np.cumsum([0, *map(len, rings)])
    as_array = np.array(epsilons, np.float32)
    contours = [ring[:, None, :] for ring in rings]
    shapes = np.array([shapely.LinearRing(ring) for ring in rings])

    def ours() -> int:
        return len(framecast_core.simplify_rings(points, splits, as_array)[0])

    def by_opencv() -> int:
        return sum(
            len(cv2.approxPolyDP(contour, epsilon, True)) for contour, epsilon in zip(contours, epsilons, strict=True)
        )

    def by_shapely() -> int:
        simpler = shapely.simplify(shapes, epsilons, preserve_topology=False)
        return int(shapely.get_num_coordinates(simpler).sum()) - RINGS

    sides: dict[str, Callable[[], object]] = {
        US: ours,
        "opencv approxPolyDP": by_opencv,
        "shapely simplify": by_shapely,
    }
    text = f"{RINGS} rings of ~{count} points, {len(points)} in all; {ours()}, {by_opencv()}, {by_shapely()} stay"
    return measure("simplify", text, sides, samples=samples)


def by_heap(ring: list[tuple[float, float]], min_area: float) -> list[int]:
    """Rows that Visvalingam and Whyatt (1993) leave, from a heap in which old areas stay until they come up."""
    before, after = [i - 1 for i in range(len(ring))], [i + 1 for i in range(len(ring))]
    before[0], after[-1] = len(ring) - 1, 0

    def area(i: int) -> float:
        (ax, ay), (bx, by), (cx, cy) = ring[before[i]], ring[i], ring[after[i]]
        return abs((bx - ax) * (cy - ay) - (by - ay) * (cx - ax)) / 2

    areas = [area(i) for i in range(len(ring))]
    heap = [(areas[i], i) for i in range(len(ring))]
    heapq.heapify(heap)
    gone: set[int] = set()
    while len(ring) - len(gone) > 3 and heap[0][0] < min_area:
        least, i = heapq.heappop(heap)
        if i in gone or least != areas[i]:
            continue
        gone.add(i)
        after[before[i]], before[after[i]] = after[i], before[i]
        for j in (before[i], after[i]):
            areas[j] = max(area(j), least)
            heapq.heappush(heap, (areas[j], j))
    return [i for i in range(len(ring)) if i not in gone]


def visvalingam_case(count: int, samples: int) -> Case:
    rng = np.random.default_rng(1)
    rings = [blob(rng, count) for _ in range(100)]
    points, splits = np.concatenate(rings), np.cumsum([0, *map(len, rings)])
    lists = [[(float(x), float(y)) for x, y in ring.tolist()] for ring in rings]
    min_areas = np.full(len(rings), 5, np.float32)

    def ours() -> int:
        return len(framecast_core.simplify_visvalingam(points, splits, min_areas)[0])

    def by_python() -> int:
        return sum(len(by_heap(ring, 5)) for ring in lists)

    sides: dict[str, Callable[[], object]] = {US: ours, "the definition with heapq": by_python}
    text = f"{len(rings)} rings of {count} points; {ours()}, {by_python()} stay"
    return measure("simplify, Visvalingam", text, sides, samples=samples)


def main() -> None:
    options = arguments(__doc__)
    pin_to_one_thread()
    cases = [case(count, options.samples) for count in (50, 500)]
    report([*cases, visvalingam_case(500, options.samples)], shows_not=SHOWS_NOT, to=options.json)


if __name__ == "__main__":
    main()
