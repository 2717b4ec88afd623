"""What a model says of one picture, as arrays."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int32]
LongArray = npt.NDArray[np.int64]


def _no_boxes() -> FloatArray:
    return np.empty((0, 4), dtype=np.float32)


def _no_floats() -> FloatArray:
    return np.empty(0, dtype=np.float32)


def _no_ints() -> IntArray:
    return np.empty(0, dtype=np.int32)


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


@dataclass(frozen=True, eq=False)
class Keypoints:
    """The named points of N instances; J of each, in the order of their category's `keypoints`."""

    points: FloatArray
    """[N, J, 2] x, y in source pixels; NaN where a point was not found."""
    scores: FloatArray
    """[N, J] in [0, 1]."""


@dataclass(frozen=True, eq=False)
class Segmentation:
    """The class of every pixel, as runs of one class, row after row from the top left."""

    lengths: npt.NDArray[np.uint32]
    """[R] pixels of each run; they sum to height * width."""
    classes: IntArray
    """[R] positions in the manifest's `categories`; -1: none."""
    areas: LongArray
    """[C] pixels of each class."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Prediction:
    """Instances of one picture by descending score; for a classifier, its labels; or the class of every pixel."""

    width: int
    """Of the picture, in pixels: the frame of all coordinates."""
    height: int
    boxes: FloatArray = field(default_factory=_no_boxes)
    """[N, 4] x0, y0, x1, y1 in source pixels, within the picture; only YOLOX's may reach a little beyond it."""
    scores: FloatArray = field(default_factory=_no_floats)
    """[N] in [0, 1]."""
    class_indices: IntArray = field(default_factory=_no_ints)
    """[N] positions in the manifest's `categories`."""
    polygons: Polygons | None = None
    """Of the N instances; None for models without masks."""
    keypoints: Keypoints | None = None
    """Of the N instances; None for models without."""
    track_ids: LongArray | None = None
    """[N] the object of the stream that each instance shows, from 1; 0: none (yet). None where nothing is tracked."""
    segmentation: Segmentation | None = None
    """None but for semantic segmentation."""
    labels: IntArray = field(default_factory=_no_ints)
    """[K] classes of the whole picture that passed the settings, best first."""
    label_scores: FloatArray | None = None
    """[C] the score of every class, whatever the settings; None unless the model classifies."""
    features: FloatArray | None = None
    """[D] the picture's embedding, where the model gives one."""
