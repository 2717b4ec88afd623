"""Rounds in which sides take turns, and what comes of them."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Spread:
    """Median, and the 10 % and 90 % points."""

    median: float
    low: float
    high: float


def spread(values: Sequence[float]) -> Spread:
    """Of at least two values."""
    tenths = statistics.quantiles(values, n=10, method="inclusive")
    return Spread(statistics.median(values), tenths[0], tenths[-1])


def ratios(ours: Sequence[float], others: Sequence[float]) -> Spread:
    """Ours over theirs, round by round."""
    return spread([our / other for our, other in zip(ours, others, strict=True)])


def in_turn(sides: dict[str, T], number: int) -> list[tuple[str, T]]:
    """The sides in the order of a round; each comes first once, for a server is not at rest right after its answers."""
    order = list(sides.items())
    start = number % len(order)
    return order[start:] + order[:start]
