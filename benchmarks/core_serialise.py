"""Results of a batch to protobuf's wire format: framecast_core and protobuf's own messages (upb) built from arrays.

100 instances whose polygons have 20 points in a picture of 1280 x 720, and 8 pictures of 300 boxes each without
polygons; 80 classes. All sides begin with the same arrays and end with the same bytes, which is checked.

    python -m benchmarks.core_serialise --json benchmarks/results/core_serialise.json
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

import framecast_core
from benchmarks.measure import US, Case, arguments, measure, pin_to_one_thread, report
from framecast.v1.frame_result_pb2 import FrameResult, Instance, Prediction
from framecast.v1.geometry_pb2 import BoundingBox, Polygon, Ring

NAMES = [f"class {index}" + "-with-a-longer-name" * (index % 5 == 0) for index in range(80)]
IDS = np.arange(1, 81, dtype=np.int32)
SHOWS_NOT = (
    "more than one thread, keypoints, labels and errors, or how long it takes to send the bytes; protobuf's messages "
    "are built from lists that tolist() makes in one step per array, all fields of a message in its constructor."
)


@dataclass(frozen=True)
class Outlines:
    """The arrays of `framecast_core.Polygons`."""

    points: NDArray[np.float32]
    ring_splits: NDArray[np.int64]
    part_splits: NDArray[np.int64]
    instance_splits: NDArray[np.int64]


@dataclass(frozen=True)
class Results:
    frame_indices: NDArray[np.int64]
    image_sizes: NDArray[np.int32]
    splits: NDArray[np.int64]
    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]
    classes: NDArray[np.int32]
    polygons: Outlines | None = None
    mask_areas: NDArray[np.int64] | None = None


def results(images: int, instances: int, points: int, seed: int = 0) -> Results:
    """`instances` per image, by falling score; an outline each of `points` points, none where that is 0."""
    rng = np.random.default_rng(seed)
    count = images * instances
    corners = rng.uniform(0, (1200, 640), (count, 2))
    boxes = np.concatenate([corners, corners + rng.uniform(8, 80, (count, 2))], axis=1).astype(np.float32)
    found = Results(
        frame_indices=np.arange(images),
        image_sizes=np.tile(np.array([[720, 1280]], np.int32), (images, 1)),
        splits=np.arange(images + 1) * instances,
        boxes=boxes,
        scores=np.sort(rng.random((images, instances), np.float32), axis=1)[:, ::-1].ravel().copy(),
        classes=rng.integers(0, 80, count, dtype=np.int32),
    )
    if points == 0:
        return found
    angles = np.linspace(0, 2 * np.pi, points, endpoint=False)
    circle = np.stack([np.cos(angles), np.sin(angles)], axis=1) / 2 + 0.5
    rings = boxes[:, None, :2] + circle * (boxes[:, None, 2:] - boxes[:, None, :2])
    one_each = np.arange(count + 1)
    outlines = Outlines(rings.reshape(-1, 2).astype(np.float32), one_each * points, one_each, one_each)
    areas = rng.integers(100, 5000, count)
    return Results(**{**vars(found), "polygons": outlines, "mask_areas": areas})


def by_us(given: Results) -> Callable[[], list[bytes]]:
    categories = framecast_core.CategoryTable(IDS, NAMES)
    everything = vars(given)
    return lambda: framecast_core.serialise_results(categories, **everything)


def by_protobuf(given: Results) -> Callable[[], list[bytes]]:
    """Lists of whole arrays, sliced per instance; every message with one call of its constructor."""
    categories = list(zip(IDS.tolist(), NAMES, strict=True))

    def polygons_of(outlines: Outlines) -> list[list[Polygon]]:
        numbers = outlines.points.ravel().tolist()
        ring_splits, part_splits = (2 * outlines.ring_splits).tolist(), outlines.part_splits.tolist()
        splits = outlines.instance_splits.tolist()
        rings = [Ring(coordinates=numbers[a:b]) for a, b in pairwise(ring_splits)]
        parts = [Polygon(exterior=rings[a], holes=rings[a + 1 : b]) for a, b in pairwise(part_splits)]
        return [parts[a:b] for a, b in pairwise(splits)]

    def run() -> list[bytes]:
        boxes, scores, classes = given.boxes.tolist(), given.scores.tolist(), given.classes.tolist()
        polygons = None if given.polygons is None else polygons_of(given.polygons)
        areas = None if given.mask_areas is None else given.mask_areas.tolist()
        splits, sizes = given.splits.tolist(), given.image_sizes.tolist()
        messages = []
        for image, frame_index in enumerate(given.frame_indices.tolist()):
            instances = []
            for row in range(splits[image], splits[image + 1]):
                category_id, category = categories[classes[row]]
                x_min, y_min, x_max, y_max = boxes[row]
                instances.append(
                    Instance(
                        category_id=category_id,
                        category=category,
                        score=scores[row],
                        box=BoundingBox(x_min=x_min, y_min=y_min, x_max=x_max, y_max=y_max),
                        polygons=() if polygons is None else polygons[row],
                        mask_area=0 if areas is None else areas[row],
                    )
                )
            height, width = sizes[image]
            prediction = Prediction(width=width, height=height, instances=instances)
            messages.append(FrameResult(frame_index=frame_index, prediction=prediction).SerializeToString())
        return messages

    return run


def by_adding(given: Results) -> Callable[[], list[bytes]]:
    """The same without copies of messages: every one is added to its parent and filled there."""
    categories = list(zip(IDS.tolist(), NAMES, strict=True))

    def run() -> list[bytes]:
        boxes, scores, classes = given.boxes.tolist(), given.scores.tolist(), given.classes.tolist()
        areas = None if given.mask_areas is None else given.mask_areas.tolist()
        splits, sizes = given.splits.tolist(), given.image_sizes.tolist()
        outlines = given.polygons
        if outlines is not None:
            numbers = outlines.points.ravel().tolist()
            ring_splits, part_splits = (2 * outlines.ring_splits).tolist(), outlines.part_splits.tolist()
            instance_splits = outlines.instance_splits.tolist()
        messages = []
        for image, frame_index in enumerate(given.frame_indices.tolist()):
            message = FrameResult(frame_index=frame_index)
            prediction = message.prediction
            prediction.height, prediction.width = sizes[image]
            add = prediction.instances.add
            for row in range(splits[image], splits[image + 1]):
                category_id, category = categories[classes[row]]
                instance = add(category_id=category_id, category=category, score=scores[row])
                box = instance.box
                box.x_min, box.y_min, box.x_max, box.y_max = boxes[row]
                if areas is not None:
                    instance.mask_area = areas[row]
                if outlines is None:
                    continue
                for part in range(instance_splits[row], instance_splits[row + 1]):
                    polygon = instance.polygons.add()
                    ring = part_splits[part]
                    polygon.exterior.coordinates.extend(numbers[ring_splits[ring] : ring_splits[ring + 1]])
                    for hole in range(ring + 1, part_splits[part + 1]):
                        polygon.holes.add().coordinates.extend(numbers[ring_splits[hole] : ring_splits[hole + 1]])
            messages.append(message.SerializeToString())
        return messages

    return run


def case(images: int, instances: int, points: int, samples: int) -> Case:
    given = results(images, instances, points)
    sides: dict[str, Callable[[], list[bytes]]] = {
        US: by_us(given),
        "protobuf, constructors": by_protobuf(given),
        "protobuf, added in place": by_adding(given),
    }
    expected = sides["protobuf, constructors"]()
    if any(run() != expected for run in sides.values()):
        raise AssertionError("the sides write different bytes")
    outlines = f"outlines of {points} points" if points else "boxes alone"
    text = f"{images} x {instances} instances, {outlines}; {sum(map(len, expected))} bytes, the same on all sides"
    return measure("serialise", text, dict(sides), samples=samples)


def main() -> None:
    options = arguments(__doc__)
    pin_to_one_thread()
    cases = [case(*shape, options.samples) for shape in ((1, 100, 20), (8, 300, 0), (1, 10, 0), (1, 100, 200))]
    report(cases, shows_not=SHOWS_NOT, to=options.json)


if __name__ == "__main__":
    main()
