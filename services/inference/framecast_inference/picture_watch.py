"""What is told of one call's pictures on their way: to the model's meter, and to the call's trace."""

import time

from framecast_inference.batching.batch import BatchReport
from framecast_inference.batching.batcher import Pending
from framecast_inference.model_meter import ModelMeter
from framecast_runtime.call_trace import CallTrace, current_trace

_TRACED_PICTURES = 16
"""Of one call; a stream of an hour would bury its own trace."""

now = time.monotonic


class PictureWatch:
    """Made in the call's thread; told from any."""

    def __init__(self, meter: ModelMeter) -> None:
        self._meter = meter
        self._trace: CallTrace = current_trace()
        self._traced: set[int] = set()
        """Indexes of the pictures whose spans are told."""
        self._last: BatchReport | None = None

    def decoded(self, index: int, start: float, *, failed: bool) -> None:
        """A picture came from its source, or cannot come."""
        end = now()
        self._meter.decode.observe(end - start)
        if failed:
            self._meter.undecodable.add()
        if self._trace.wanted and len(self._traced) < _TRACED_PICTURES:
            self._traced.add(index)
            self._trace.span("decode", start, end, {"framecast.index": index})

    def prepared(self, index: int, start: float) -> None:
        """A picture has become a tensor."""
        end = now()
        self._meter.prepare.observe(end - start)
        if index in self._traced:
            self._trace.span("prepare", start, end, {"framecast.index": index})

    def predicted(self, index: int, pending: Pending) -> None:
        """A picture's result is there. The run itself is counted where it ran."""
        report = pending.report
        if report is None or index not in self._traced:
            return
        self._trace.span("queue", pending.asked, report.started, {"framecast.index": index})
        if report is not self._last:
            self._last = report
            batch = self._trace.span(
                "batch", report.started, report.finished, {"framecast.batch_pictures": report.pictures}
            )
            batch.span("compute", report.started, report.started + report.compute_s, {})
