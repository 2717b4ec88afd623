"""What training tells whoever watches it."""

from collections.abc import Callable
from dataclasses import dataclass

PHASES = ("preparing", "training", "evaluating", "exporting", "checking")


@dataclass(frozen=True)
class Progress:
    """How far training is."""

    phase: str
    """One of `PHASES`."""
    epoch: int
    """Finished epochs."""
    epoch_count: int
    step: int
    """Steps done within the current epoch."""
    step_count: int
    fraction: float
    """Of the whole run, in [0, 1]; never falls."""


@dataclass(frozen=True)
class Metric:
    """A measurement."""

    name: str
    value: float
    step: int
    """Steps done since training began."""
    epoch: int


@dataclass(frozen=True)
class Notice:
    """Something that a person should know."""

    text: str


Event = Progress | Metric | Notice
Listener = Callable[[Event], None]
