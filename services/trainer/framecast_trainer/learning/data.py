"""Labelled pictures, as the learner sees them. Where their bytes lie is the caller's business."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Ring = NDArray[np.float32]
"""[K, 2] x, y in source pixels; the last point is joined to the first."""
PolygonPart = Sequence[Ring]
"""One connected part: the outline, then its holes."""


@dataclass(frozen=True)
class RunLengths:
    """A binary mask as COCO writes it: column-major runs, the first one of zeros; they sum to height * width."""

    height: int
    width: int
    counts: Sequence[int]


@dataclass(frozen=True)
class Annotation:
    """One labelled instance, or, without a box, a label of the whole picture."""

    category_index: int
    """Position in `TrainingData.categories`."""
    box: tuple[float, float, float, float] | None = None
    """x_min, y_min, x_max, y_max in pixels of the upright picture; maxima exclusive."""
    polygons: Sequence[PolygonPart] | None = None
    run_lengths: RunLengths | None = None
    crowd: bool = False
    """Ignored in training and neither a hit nor a miss in evaluation."""
    area: float | None = None
    """Square pixels as the source gives them; open: taken from the mask, else from the box."""

    @property
    def has_mask(self) -> bool:
        return self.polygons is not None or self.run_lengths is not None


@dataclass(frozen=True)
class Sample:
    """One picture and what is on it."""

    read: Callable[[], bytes]
    """The encoded picture; called as often as it is needed."""
    file_name: str
    """For messages."""
    width: int
    height: int
    annotations: Sequence[Annotation] = ()


@dataclass(frozen=True)
class CategoryName:
    """A class of the data."""

    id: int
    """The dataset's own id; need not be contiguous."""
    name: str
    supercategory: str = ""
    keypoints: tuple[str, ...] = ()
    """Names of its keypoints, in order."""


@dataclass(frozen=True)
class TrainingData:
    """What to learn from and what to measure on; class index i of the network is `categories[i]`."""

    categories: Sequence[CategoryName]
    train: Sequence[Sample]
    validation: Sequence[Sample] = field(default=())
