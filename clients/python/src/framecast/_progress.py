"""How far a long call is, told to whoever asked."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """A step of a long call."""

    phase: str
    """What is being done, such as `checking` or `uploading`."""
    done: int
    total: int
    unit: str
    """Of `done` and `total`: `files` or `bytes`."""


ProgressCallback = Callable[[Progress], None]


def silent(progress: Progress) -> None:
    """Tells nobody."""
