"""Outlines of instances, as nested offsets."""

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]
LongArray = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Polygons:
    """Outlines of N instances in source pixels, as nested offsets: instances → parts → rings → points.

    The first ring of a part is its exterior, the others are its holes. An instance may have no part at all.
    """

    points: FloatArray
    """[V, 2] x, y."""
    ring_splits: LongArray
    """[rings + 1] offsets into `points`."""
    part_splits: LongArray
    """[parts + 1] offsets into the rings."""
    instance_splits: LongArray
    """[N + 1] offsets into the parts."""
    areas: LongArray
    """[N] pixels of each mask, before simplification."""
    boxes: FloatArray
    """[N, 4] x0, y0, x1, y1 around each mask's pixels."""

    def parts(self, instance: int) -> Iterator[list[FloatArray]]:
        """The parts of an instance, each a list of rings [K, 2], the exterior first."""
        for part in range(int(self.instance_splits[instance]), int(self.instance_splits[instance + 1])):
            rings = range(int(self.part_splits[part]), int(self.part_splits[part + 1]))
            yield [self.points[self.ring_splits[ring] : self.ring_splits[ring + 1]] for ring in rings]

    def rings(self, instance: int) -> tuple[FloatArray, LongArray]:
        """The points and offsets of all rings of an instance, parts and holes alike."""
        first, last = self.part_splits[self.instance_splits[instance : instance + 2]]
        splits = self.ring_splits[first : last + 1]
        return self.points[splits[0] : splits[-1]], splits - splits[0]

    def moved(self, x: float, y: float) -> "Polygons":
        """The same elsewhere."""
        offset = np.array([x, y], dtype=np.float32)
        boxes = self.boxes + np.tile(offset, 2)
        return dataclasses.replace(self, points=self.points + offset, boxes=boxes)

    def mirrored(self, width: float) -> "Polygons":
        """Left and right exchanged in a picture of that width; rings keep the way they turn."""
        # Each ring backwards: point i of a ring from a to b becomes point a + b - 1 - i.
        first_and_last = self.ring_splits[:-1] + self.ring_splits[1:] - 1
        backwards = np.repeat(first_and_last, np.diff(self.ring_splits)) - np.arange(len(self.points))
        points, boxes = self.points[backwards], self.boxes.copy()
        points[:, 0] = width - points[:, 0]
        boxes[:, [0, 2]] = width - self.boxes[:, [2, 0]]
        return dataclasses.replace(self, points=points, boxes=boxes)

    def take(self, rows: LongArray) -> "Polygons":
        """Some of the instances, in the order given."""
        instance_splits, parts = take_splits(self.instance_splits, rows)
        part_splits, rings = take_splits(self.part_splits, parts)
        ring_splits, points = take_splits(self.ring_splits, rings)
        return Polygons(
            points=self.points[points],
            ring_splits=ring_splits,
            part_splits=part_splits,
            instance_splits=instance_splits,
            areas=self.areas[rows],
            boxes=self.boxes[rows],
        )


def join_polygons(several: Sequence[Polygons]) -> Polygons:
    """The instances of all, one after the other; `several` is not empty."""
    return Polygons(
        points=np.concatenate([each.points for each in several]),
        ring_splits=_join([each.ring_splits for each in several]),
        part_splits=_join([each.part_splits for each in several]),
        instance_splits=_join([each.instance_splits for each in several]),
        areas=np.concatenate([each.areas for each in several]),
        boxes=np.concatenate([each.boxes for each in several]),
    )


def take_splits(splits: LongArray, rows: LongArray) -> tuple[LongArray, LongArray]:
    """Offsets of the rows chosen, and which entries they have."""
    counts = np.diff(splits)[rows]
    chosen = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    return chosen, np.repeat(splits[rows] - chosen[:-1], counts) + np.arange(chosen[-1])


def _join(several: Sequence[LongArray]) -> LongArray:
    counts = np.concatenate([np.diff(each) for each in several])
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
