"""What a service counts. Counting is cheap enough for every frame; reading is left to `metrics_endpoint`."""

import threading
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from framecast_runtime.metric_names import Family

Labels = tuple[str, ...]


class Counter:
    """A number that grows."""

    __slots__ = ("_lock", "_value")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._value = 0.0

    def add(self, amount: float = 1) -> None:
        """Adds an amount that is not negative."""
        with self._lock:
            self._value += amount

    @property
    def value(self) -> float:
        return self._value


@dataclass(frozen=True)
class Distribution:
    """What a histogram holds at one moment."""

    buckets: tuple[float, ...]
    """Upper bounds."""
    counts: tuple[int, ...]
    """Of the values in each bucket alone; one more than `buckets`: the last has no bound."""
    total: float
    """The sum of all values."""


class Histogram:
    """Counts of values by bucket, and their sum; a fifth of the time that prometheus_client's own takes."""

    __slots__ = ("_buckets", "_counts", "_lock", "_sum")

    def __init__(self, buckets: Sequence[float]) -> None:
        self._lock = threading.Lock()
        self._buckets = tuple(buckets)
        self._counts = [0] * (len(buckets) + 1)
        self._sum = 0.0

    def observe(self, value: float) -> None:
        """Counts one value."""
        bucket = bisect_left(self._buckets, value)
        with self._lock:
            self._counts[bucket] += 1
            self._sum += value

    def observe_all(self, values: Sequence[float]) -> None:
        """Counts several at once."""
        buckets = [bisect_left(self._buckets, value) for value in values]
        with self._lock:
            for bucket in buckets:
                self._counts[bucket] += 1
            self._sum += sum(values)

    def read(self) -> Distribution:
        """All of it, as of now."""
        with self._lock:
            return Distribution(self._buckets, tuple(self._counts), self._sum)


Instrument = Counter | Histogram | Callable[[], float]
"""The last is a gauge: asked when somebody reads."""


class Metrics:
    """All series of one process. Calls may come from several threads at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._series: dict[Family, dict[Labels, Instrument]] = {}

    def counter(self, family: Family, *labels: str) -> Counter:
        """The counter with these values of the family's labels, made where there is none yet."""
        made = self._find(family, labels, Counter)
        assert isinstance(made, Counter)
        return made

    def histogram(self, family: Family, *labels: str) -> Histogram:
        """The same for a histogram."""
        made = self._find(family, labels, lambda: Histogram(family.buckets))
        assert isinstance(made, Histogram)
        return made

    def gauge(self, family: Family, *labels: str, read: Callable[[], float]) -> None:
        """Has `read` asked, in the reader's thread, whenever somebody reads; in place of what was asked before."""
        _check(family, labels)
        with self._lock:
            self._series.setdefault(family, {})[labels] = read

    def forget(self, **labels: str) -> None:
        """Drops every series that has these values. Who still holds one counts in vain."""
        wanted = labels.items()
        with self._lock:
            for family, series in self._series.items():
                for values in [
                    each for each in series if wanted <= dict(zip(family.labels, each, strict=True)).items()
                ]:
                    del series[values]

    def read(self) -> Iterator[tuple[Family, list[tuple[Labels, Instrument]]]]:
        """Families with their series, by name."""
        with self._lock:
            known = [
                (family, sorted(series.items(), key=lambda pair: pair[0])) for family, series in self._series.items()
            ]
        yield from sorted(known, key=lambda pair: pair[0].name)

    def _find(self, family: Family, labels: Labels, make: Callable[[], Instrument]) -> Instrument:
        _check(family, labels)
        with self._lock:
            series = self._series.setdefault(family, {})
            if labels not in series:
                series[labels] = make()
            return series[labels]


def _check(family: Family, labels: Labels) -> None:
    if len(labels) != len(family.labels):
        raise ValueError(f"{family.name} has the labels {family.labels}, not {labels}")
