"""What a dataset version is to the service: how much it holds and what kind of labels."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum


class Subset(Enum):
    """What an item is used for; test items are left alone by training."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"


@dataclass(frozen=True)
class DatasetFacts:
    """A dataset version without its items."""

    name: str
    digest: str
    category_count: int
    item_counts: Mapping[Subset, int]


@dataclass(frozen=True)
class LabelFacts:
    """An annotation, without its geometry."""

    has_box: bool
    has_mask: bool
    crowd: bool = False


@dataclass(frozen=True)
class ItemFacts:
    """A picture and the kinds of its labels."""

    file_name: str
    subset: Subset
    labels: tuple[LabelFacts, ...]
