"""Masks of instances as COCO's run lengths: down each column of the picture, first background, then in turn."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

import framecast_core
from framecast_bundle.polygons import Polygons, take_splits

LongArray = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class RunLengths:
    """Of N masks, each of the whole picture."""

    counts: npt.NDArray[np.uint32]
    """[R]; those of a mask sum to the picture's pixels."""
    splits: LongArray
    """[N + 1] offsets into `counts`."""
    areas: LongArray
    """[N] pixels of each mask."""

    def take(self, rows: LongArray) -> "RunLengths":
        """Some of the masks, in the order given."""
        splits, chosen = take_splits(self.splits, rows)
        return RunLengths(self.counts[chosen], splits, self.areas[rows])


def run_lengths_of(polygons: Polygons, width: int, height: int) -> RunLengths:
    """The masks that lossless polygons (threshold 0) outline, in a picture of that size.

    Never holds more than the pixels of one instance's box.
    """
    counts = [_counts(polygons, row, width, height) for row in range(len(polygons.areas))]
    splits = np.concatenate([[0], np.cumsum([len(each) for each in counts])]).astype(np.int64)
    return RunLengths(np.concatenate([np.empty(0, np.uint32), *counts]), splits, polygons.areas)


def crop_of(polygons: Polygons, row: int, box: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
    """The pixels of an instance's mask within a box of whole pixels (x0, y0, x1, y1): [height, width] of 0 and 1."""
    points, splits = polygons.rings(row)
    x0, y0, x1, y1 = box.tolist()
    return framecast_core.polygons_to_mask(points - np.array([x0, y0], dtype=np.float32), splits, y1 - y0, x1 - x0)


def _counts(polygons: Polygons, row: int, width: int, height: int) -> npt.NDArray[np.uint32]:
    if not polygons.areas[row]:
        return np.array([width * height], dtype=np.uint32)
    box = polygons.boxes[row].astype(np.int64)
    columns = np.pad(crop_of(polygons, row, box).T, ((0, 0), (1, 1)))
    steps = np.diff(columns.astype(np.int8), axis=1)
    begins, ends = (
        (box[0] + column) * height + box[1] + line for column, line in (np.nonzero(steps == 1), np.nonzero(steps == -1))
    )
    # A run that reaches the bottom of one column and goes on at the top of the next is one.
    joined = ends[:-1] == begins[1:]
    bounds = np.column_stack([begins[np.append(True, ~joined)], ends[np.append(~joined, True)]]).ravel()
    bounds = np.concatenate([[0], bounds, [width * height]])
    if bounds[-1] == bounds[-2]:
        bounds = bounds[:-1]  # no background behind the last pixel
    return np.diff(bounds).astype(np.uint32)
