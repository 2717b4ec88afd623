"""How often each model was asked, and where the time went."""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

from framecast_inference.open_inference.model_name import model_of, split_version_name
from framecast_inference.open_inference.v2 import model_statistics_pb2 as messages


@dataclass(slots=True)
class Timing:
    """Nanoseconds of one request, part by part."""

    queue: int = 0
    compute_input: int = 0
    compute_infer: int = 0
    compute_output: int = 0


class _Batch:
    """Sums of requests of one batch size."""

    __slots__ = ("compute_infer", "compute_input", "compute_output", "count")

    def __init__(self) -> None:
        self.count = self.compute_input = self.compute_infer = self.compute_output = 0


class ModelCounters:
    """Of one side of one version. Calls may come from several threads at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._batches: dict[int, _Batch] = {}
        self._success_ns = self._queue_ns = self._failures = self._fail_ns = self._last_ns = 0

    def passed(self, batch_size: int, total_ns: int, timing: Timing) -> None:
        """Counts a request that was answered."""
        now_ns = time.time_ns()
        with self._lock:
            batch = self._batches.get(batch_size)
            if batch is None:
                batch = self._batches[batch_size] = _Batch()
            batch.count += 1
            batch.compute_input += timing.compute_input
            batch.compute_infer += timing.compute_infer
            batch.compute_output += timing.compute_output
            self._success_ns += total_ns
            self._queue_ns += timing.queue
            self._last_ns = max(self._last_ns, now_ns - total_ns)

    def failed(self, total_ns: int) -> None:
        """Counts a request that was not."""
        with self._lock:
            self._failures += 1
            self._fail_ns += total_ns

    def to_proto(self, name: str, version: str) -> messages.ModelStatistics:
        """All of it, as of now."""
        with self._lock:
            batches = sorted(self._batches.items())
            count = sum(batch.count for _, batch in batches)
            return messages.ModelStatistics(
                name=name,
                version=version,
                last_inference=self._last_ns // 1_000_000,
                inference_count=sum(size * batch.count for size, batch in batches),
                execution_count=count,
                inference_stats=messages.InferStatistics(
                    success=_duration(count, self._success_ns),
                    fail=_duration(self._failures, self._fail_ns),
                    queue=_duration(count, self._queue_ns),
                    compute_input=_duration(count, sum(batch.compute_input for _, batch in batches)),
                    compute_infer=_duration(count, sum(batch.compute_infer for _, batch in batches)),
                    compute_output=_duration(count, sum(batch.compute_output for _, batch in batches)),
                ),
                batch_stats=[
                    messages.InferBatchStatistics(
                        batch_size=size,
                        compute_input=_duration(batch.count, batch.compute_input),
                        compute_infer=_duration(batch.count, batch.compute_infer),
                        compute_output=_duration(batch.count, batch.compute_output),
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


def _duration(count: int, ns: int) -> messages.StatisticDuration:
    return messages.StatisticDuration(count=count, ns=ns)
