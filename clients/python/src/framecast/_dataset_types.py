"""Datasets as users see them: frozen dataclasses with NumPy arrays."""

import enum
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray


class Subset(enum.Enum):
    """What a picture of a dataset is used for."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"


class Visibility(enum.Enum):
    """Of a keypoint, as COCO defines it."""

    NOT_LABELLED = 0
    OCCLUDED = 1
    VISIBLE = 2


@dataclass(frozen=True)
class Category:
    """A class that annotations and predictions refer to by `id`."""

    id: int
    name: str
    supercategory: str = ""
    keypoints: tuple[str, ...] = ()
    """Names of the keypoints, in order; empty where the category has none."""


@dataclass(frozen=True, eq=False)
class Polygon:
    """One connected part of an instance: an outline less its holes, in pixels."""

    exterior: NDArray[np.float32]
    """float32 [N, 2], x and y; the last point is joined to the first."""
    holes: tuple[NDArray[np.float32], ...] = ()
    """Rings inside the outline that do not belong to the part; each float32 [N, 2]."""


@dataclass(frozen=True)
class RunLengthMask:
    """A mask as column-major run lengths, the first run of zeros."""

    width: int
    height: int
    counts: tuple[int, ...]

    def to_array(self) -> NDArray[np.bool_]:
        """bool [height, width]."""
        values = np.arange(len(self.counts)) % 2 == 1
        return np.repeat(values, self.counts).reshape(self.width, self.height).T


@dataclass(frozen=True)
class Keypoint:
    """A named point of an instance, in pixels."""

    x: float
    y: float
    visibility: Visibility = Visibility.VISIBLE
    score: float | None = None
    """Of a prediction, in [0, 1]; None on labels."""


@dataclass(frozen=True, eq=False)
class Annotation:
    """One labelled instance, or one label of the whole picture (then without a box)."""

    category_id: int
    box: tuple[float, float, float, float] | None = None
    """x_min, y_min, x_max, y_max in pixels; the maxima are exclusive."""
    polygons: tuple[Polygon, ...] = ()
    mask: RunLengthMask | None = None
    """The shape as a mask; an annotation has polygons or a mask, not both."""
    keypoints: tuple[Keypoint, ...] = ()
    crowd: bool = False
    area: float | None = None
    """In square pixels, as the source gave it."""
    source_id: int = 0


@dataclass(frozen=True)
class Dataset:
    """A named collection of labelled pictures; its versions hold the content."""

    name: str
    display_name: str
    description: str
    create_time: datetime
    latest_version: str
    """Name of the newest version; empty where there is none."""

    @property
    def id(self) -> str:
        """The last part of the name."""
        return self.name.rsplit("/", 1)[-1]


@dataclass(frozen=True)
class SubsetSummary:
    """How much a subset of a dataset version holds."""

    subset: Subset
    item_count: int
    annotation_count: int


@dataclass(frozen=True)
class DatasetVersion:
    """A frozen state of a dataset; it never changes."""

    name: str
    description: str
    categories: tuple[Category, ...]
    subsets: tuple[SubsetSummary, ...]
    digest: str
    create_time: datetime

    @property
    def dataset(self) -> str:
        """Name of the dataset."""
        return self.name.rsplit("/versions/", 1)[0]

    @property
    def item_count(self) -> int:
        """Pictures in all subsets."""
        return sum(summary.item_count for summary in self.subsets)


@dataclass(frozen=True, eq=False)
class DatasetItem:
    """A picture within a dataset version, with its labels."""

    asset: str
    file_name: str
    subset: Subset
    annotations: tuple[Annotation, ...]
    source_id: int = 0
