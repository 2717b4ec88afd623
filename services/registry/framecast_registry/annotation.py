"""One labelled instance, as it comes in and before it was found good."""

from collections.abc import Sequence
from dataclasses import dataclass

from framecast_registry.domain import Subset


@dataclass(frozen=True, slots=True)
class Box:
    """In pixels of the upright picture; the maxima are exclusive."""

    x_min: float
    y_min: float
    x_max: float
    y_max: float


@dataclass(frozen=True, slots=True)
class Polygon:
    """Rings as x0, y0, x1, y1, …"""

    exterior: Sequence[float]
    holes: tuple[Sequence[float], ...] = ()


@dataclass(frozen=True, slots=True)
class RunLength:
    """Column-major runs, the first one of zeros."""

    height: int
    width: int
    counts: Sequence[int]


@dataclass(frozen=True, slots=True)
class Keypoint:
    x: float
    y: float
    visibility: int


@dataclass(frozen=True, slots=True)
class Annotation:
    category_id: int
    box: Box | None = None
    polygons: tuple[Polygon, ...] = ()
    run_length: RunLength | None = None
    keypoints: tuple[Keypoint, ...] = ()
    crowd: bool = False
    area: float | None = None
    source_id: int = 0


@dataclass(frozen=True, slots=True)
class ItemDraft:
    """An item as a caller gives it."""

    asset: str
    """The asset's full name, unchecked."""
    file_name: str
    subset: Subset | None
    source_id: int
    annotations: tuple[Annotation, ...]
