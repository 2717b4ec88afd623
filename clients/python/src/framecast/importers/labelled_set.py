"""What a reader of labelled data returns, whatever the format it read."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from framecast._dataset_types import Annotation, Category, Subset


@dataclass(frozen=True)
class LabelledPicture:
    """A picture file with its labels."""

    path: Path
    """Where the file lies."""
    file_name: str
    """How the source calls it: a relative path with forward slashes."""
    subset: Subset
    annotations: tuple[Annotation, ...] = ()
    source_id: int = 0
    """The picture's id in its annotation file; 0 where there is none."""
    size: tuple[int, int] | None = None
    """Width and height that the source announces, in pixels; None where it says nothing."""
    source_file: Path | None = None
    """The annotation file that names the picture; None where folders name it."""


@dataclass(frozen=True)
class LabelledSet:
    """Pictures with their labels, ready to be checked and sent."""

    categories: tuple[Category, ...]
    pictures: tuple[LabelledPicture, ...]
    warnings: tuple[str, ...] = ()
    """What was put right, or left out, while reading."""
    clipped_boxes: int = field(default=0)
    """Boxes that reached over the edge of their picture and were cut there."""

    def count(self, subset: Subset) -> int:
        """How many pictures a subset has."""
        return self.subset_sizes()[subset]

    def subset_sizes(self) -> Counter[Subset]:
        """How many pictures each subset has."""
        return Counter(picture.subset for picture in self.pictures)
