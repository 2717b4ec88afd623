"""What is measured of a model in memory: every stage of its pictures, its batches, its queue."""

import threading
import time
from collections import Counter as Multiset
from collections.abc import Callable
from typing import TypeVar

from framecast_inference.batching.batch import BatchReport
from framecast_inference.engine_clock import EngineClock
from framecast_runtime import metric_names as names
from framecast_runtime.metrics import Metrics

M = TypeVar("M")


class ModelMeter:
    """One model's series. Calls may come from several threads at once."""

    def __init__(
        self, metrics: Metrics, model: str, clock: EngineClock, on_close: Callable[[str], None] = lambda _: None
    ) -> None:
        self._metrics = metrics
        self._model = model
        self._clock = clock
        self._on_close = on_close
        self.decode = metrics.histogram(names.MODEL_STAGE_SECONDS, model, "decode")
        """From the source to a picture."""
        self.prepare = metrics.histogram(names.MODEL_STAGE_SECONDS, model, "prepare")
        """From a picture to its tensor."""
        self.compute = metrics.histogram(names.MODEL_STAGE_SECONDS, model, "compute")
        """In the graphs, of one run."""
        self._head = metrics.histogram(names.MODEL_STAGE_SECONDS, model, "head")
        self.encode = metrics.histogram(names.MODEL_STAGE_SECONDS, model, "encode")
        """From a prediction to the bytes of its message."""
        self._queue = metrics.histogram(names.MODEL_QUEUE_SECONDS, model)
        self._batches = metrics.histogram(names.MODEL_BATCH_PICTURES, model)
        self._pictures = metrics.counter(names.MODEL_PICTURES, model)
        self.undecodable = metrics.counter(names.MODEL_FAILURES, model, "decode")
        """Pictures that could not be decoded."""
        self._failed = metrics.counter(names.MODEL_FAILURES, model, "compute")

    def batch_ran(self, report: BatchReport) -> None:
        """Counts a run; called by the thread that did it. Fills in the report's `compute_s`."""
        report.compute_s = compute_s = self._clock.seconds
        self._queue.observe_all(report.waited_s)
        self._batches.observe(report.pictures)
        if report.failed:
            self._failed.add(report.pictures)
            return
        self._pictures.add(report.pictures)
        self.compute.observe(compute_s)
        self._head.observe(report.finished - report.started - compute_s)

    def watch_queue(self, length: Callable[[], int]) -> None:
        """Has the length of the model's queue read whenever somebody asks."""
        self._metrics.gauge(names.MODEL_QUEUE_LENGTH, self._model, read=length)

    def close(self) -> None:
        """The model leaves memory."""
        self._on_close(self._model)


class ModelMeters:
    """The meters of all models; a version's series leave with the last model of that name."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._lock = threading.Lock()
        self._open: Multiset[str] = Multiset()

    def open(self, model: str, clock: EngineClock) -> ModelMeter:
        """A meter, to be closed with the model. Two of one name, as while a version is swapped, count together."""
        with self._lock:
            self._open[model] += 1
            return ModelMeter(self._metrics, model, clock, self._close)

    def _close(self, model: str) -> None:
        with self._lock:
            self._open[model] -= 1
            if not self._open[model]:
                del self._open[model]
                self._metrics.forget(model=model)


def measured_load(load: Callable[[str], M], metrics: Metrics) -> Callable[[str], M]:
    """Loading a version by its name, timed; a load that fails is not counted."""
    seconds = metrics.histogram(names.MODEL_LOAD_SECONDS)

    def timed(name: str) -> M:
        start = time.monotonic()
        model = load(name)
        seconds.observe(time.monotonic() - start)
        return model

    return timed
