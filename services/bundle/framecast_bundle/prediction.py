"""What a model says of one picture, as arrays."""

import dataclasses
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from framecast_bundle.polygons import Polygons
from framecast_bundle.run_lengths import RunLengths

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
class Keypoints:
    """The named points of N instances; J of each, in the order of their category's `keypoints`."""

    points: FloatArray
    """[N, J, 2] x, y in source pixels; NaN where a point was not found."""
    scores: FloatArray
    """[N, J] in [0, 1]."""

    def take(self, rows: LongArray) -> "Keypoints":
        """Those of some instances, in the order given."""
        return Keypoints(self.points[rows], self.scores[rows])


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
    """Of the N instances; None for models without masks, and where masks are asked for in another form."""
    run_lengths: RunLengths | None = None
    """The masks of the N instances, where they are asked for in this form."""
    logits: FloatArray | None = None
    """[N, L] what the network said of each instance, where it is asked for and the model keeps it."""
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
    label_logits: FloatArray | None = None
    """[C] what the scores were made of, where it is asked for."""
    features: FloatArray | None = None
    """[D] the picture's embedding, where the model gives one."""

    def take(self, rows: LongArray) -> "Prediction":
        """The same with some of its instances, in the order given."""
        return dataclasses.replace(
            self,
            boxes=self.boxes[rows],
            scores=self.scores[rows],
            class_indices=self.class_indices[rows],
            polygons=None if self.polygons is None else self.polygons.take(rows),
            run_lengths=None if self.run_lengths is None else self.run_lengths.take(rows),
            logits=None if self.logits is None else self.logits[rows],
            keypoints=None if self.keypoints is None else self.keypoints.take(rows),
            track_ids=None if self.track_ids is None else self.track_ids[rows],
        )
