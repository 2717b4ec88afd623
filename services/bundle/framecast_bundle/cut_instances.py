"""Objects that the borders of windows cut: which parts are seen whole elsewhere, which belong together."""

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int32]
LongArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

CUT_TOLERANCE = 0.02
"""A box that ends so near to a border is cut by it; as a share of the window's side."""
_COVERED = 0.5
"""A part of which so much lies in a whole object is a part of that."""
_SAME = 0.5
"""Two parts that agree so far, by IoU, where both their windows look, are of one object."""
_MARGIN = 2.0
"""Pixels by which windows without overlap are taken to overlap."""
_ROWS_AT_ONCE = 256


def hidden_parts(parts: FloatArray, classes: IntArray, intact: FloatArray, intact_classes: IntArray) -> BoolArray:
    """Which parts [N, 4] an intact box [M, 4] of the same class covers, bool [N]."""
    hidden = np.zeros(len(parts), dtype=np.bool_)
    if len(intact) == 0:
        return hidden
    for start in range(0, len(parts), _ROWS_AT_ONCE):
        rows = slice(start, start + _ROWS_AT_ONCE)
        shared = _areas(_intersections(parts[rows, None], intact[None]))
        same = classes[rows, None] == intact_classes[None]
        hidden[rows] = (same & (shared >= _COVERED * _areas(parts[rows])[:, None])).any(axis=1)
    return hidden


def group_parts(parts: FloatArray, classes: IntArray, windows: FloatArray) -> LongArray:
    """The object of each part [N, 4], seen in its window [N, 4]: int64 [N], the lowest row of the same object.

    An object shows the same piece to both windows that see it, so two parts are of one object where they agree in the
    intersection of their windows.
    """
    first, second = _alike(parts, classes, windows)
    groups = np.arange(len(parts))
    while True:
        lower = groups.copy()
        np.minimum.at(lower, first, groups[second])
        np.minimum.at(lower, second, groups[first])
        lower = lower[lower]
        if np.array_equal(lower, groups):
            return groups
        groups = lower


def _alike(parts: FloatArray, classes: IntArray, windows: FloatArray) -> tuple[LongArray, LongArray]:
    grow = np.array([-_MARGIN, -_MARGIN, _MARGIN, _MARGIN], dtype=np.float32)
    parts, windows = parts + grow, windows + grow
    pairs = []
    for start in range(0, len(parts), _ROWS_AT_ONCE):
        rows = slice(start, start + _ROWS_AT_ONCE)
        common = _intersections(windows[rows, None], windows[None])
        mine, theirs = _intersections(parts[rows, None], common), _intersections(parts[None], common)
        shared = _areas(_intersections(mine, theirs))
        union = _areas(mine) + _areas(theirs) - shared
        same = (classes[rows, None] == classes[None]) & (windows[rows, None] != windows[None]).any(axis=2)
        found = np.argwhere(same & (shared > 0) & (shared >= _SAME * union))
        pairs.append(found + np.array([start, 0]))
    both: LongArray = np.concatenate([np.empty((0, 2), dtype=np.int64), *pairs])
    return both[:, 0], both[:, 1]


def _intersections(a: FloatArray, b: FloatArray) -> FloatArray:
    lower, upper = np.maximum(a[..., :2], b[..., :2]), np.minimum(a[..., 2:], b[..., 2:])
    return np.concatenate([lower, upper], axis=-1)


def _areas(boxes: FloatArray) -> FloatArray:
    """Of boxes [..., 4]; 0 for those that are turned inside out."""
    sides = np.maximum(boxes[..., 2:] - boxes[..., :2], 0)
    return np.asarray(sides[..., 0] * sides[..., 1])
