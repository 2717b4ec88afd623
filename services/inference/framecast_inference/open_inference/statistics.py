"""How often each model was asked, and where the time went."""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from framecast_inference.open_inference.model_name import model_of, split_version_name
from framecast_inference.open_inference.v2 import model_statistics_pb2 as messages


@dataclass(slots=True)
class Timing:
    """Nanoseconds of one request, part by part."""

    queue: int = 0
    compute_input: int = 0
    compute_infer: int = 0
    compute_output: int = 0


class _Sum:
    __slots__ = ("count", "ns")

    def __init__(self) -> None:
        self.count = 0
        self.ns = 0

    def add(self, ns: int) -> None:
        self.count += 1
        self.ns += ns

    def to_proto(self) -> messages.StatisticDuration:
        return messages.StatisticDuration(count=self.count, ns=self.ns)


@dataclass
class _Batch:
    compute_input: _Sum = field(default_factory=_Sum)
    compute_infer: _Sum = field(default_factory=_Sum)
    compute_output: _Sum = field(default_factory=_Sum)


class ModelCounters:
    """Of one side of one version. Calls may come from several threads at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._success, self._fail, self._queue = _Sum(), _Sum(), _Sum()
        self._batches: dict[int, _Batch] = {}
        self._last_ms = 0

    def passed(self, batch_size: int, total_ns: int, timing: Timing) -> None:
        """Counts a request that was answered."""
        arrived_ms = (time.time_ns() - total_ns) // 1_000_000
        with self._lock:
            batch = self._batches.get(batch_size)
            if batch is None:
                batch = self._batches[batch_size] = _Batch()
            batch.compute_input.add(timing.compute_input)
            batch.compute_infer.add(timing.compute_infer)
            batch.compute_output.add(timing.compute_output)
            self._success.add(total_ns)
            self._queue.add(timing.queue)
            self._last_ms = max(self._last_ms, arrived_ms)

    def failed(self, total_ns: int) -> None:
        """Counts a request that was not."""
        with self._lock:
            self._fail.add(total_ns)

    def to_proto(self, name: str, version: str) -> messages.ModelStatistics:
        """All of it, as of now."""
        with self._lock:
            batches = sorted(self._batches.items())
            return messages.ModelStatistics(
                name=name,
                version=version,
                last_inference=self._last_ms,
                inference_count=sum(size * batch.compute_infer.count for size, batch in batches),
                execution_count=self._success.count,
                inference_stats=messages.InferStatistics(
                    success=self._success.to_proto(),
                    fail=self._fail.to_proto(),
                    queue=self._queue.to_proto(),
                    compute_input=_total([batch.compute_input for _, batch in batches]),
                    compute_infer=_total([batch.compute_infer for _, batch in batches]),
                    compute_output=_total([batch.compute_output for _, batch in batches]),
                ),
                batch_stats=[
                    messages.InferBatchStatistics(
                        batch_size=size,
                        compute_input=batch.compute_input.to_proto(),
                        compute_infer=batch.compute_infer.to_proto(),
                        compute_output=batch.compute_output.to_proto(),
                    )
                    for size, batch in batches
                ],
            )


class Statistics:
    """Counters of every model that was asked, for as long as the service lives."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counters: dict[tuple[str, bool], ModelCounters] = {}

    def counters(self, version_name: str, *, network: bool) -> ModelCounters:
        """Those of one side of a version."""
        with self._lock:
            return self._counters.setdefault((version_name, network), ModelCounters())

    def rows(self) -> Iterator[tuple[str, bool, messages.ModelStatistics]]:
        """Version, side and message of each, by name."""
        with self._lock:
            known = sorted(self._counters.items())
        for (version_name, network), counters in known:
            model, version = split_version_name(version_name)
            yield version_name, network, counters.to_proto(model_of(model, network=network), version)


def _total(sums: list[_Sum]) -> messages.StatisticDuration:
    return messages.StatisticDuration(count=sum(each.count for each in sums), ns=sum(each.ns for each in sums))
