"""Tells the time in a bundle's graphs from the time of what the head does with their answers."""

import threading
import time
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from framecast_bundle.engine import Engine, Tensor
from framecast_bundle.placement import Placement
from framecast_bundle.prediction import Prediction
from framecast_bundle.settings import Settings
from framecast_inference.batching.batch import FloatArray
from framecast_inference.batching.batcher import RunBatch


class EngineClock(threading.local):
    """Of the thread that reads it."""

    seconds = 0.0
    """In graphs, since this thread's last batch began."""

    def engine(self, engine: Engine) -> Engine:
        """The engine with this clock around it."""
        return _TimedEngine(engine, self)

    def run(self, run: RunBatch) -> RunBatch:
        """The run of a batch, which begins at 0."""

        def timed(
            tensors: FloatArray, placements: Sequence[Placement], settings: Sequence[Settings]
        ) -> list[Prediction]:
            self.seconds = 0.0
            return run(tensors, placements, settings)

        return timed


class _TimedEngine:
    """See `Engine`."""

    def __init__(self, engine: Engine, clock: EngineClock) -> None:
        self._engine = engine
        self._clock = clock

    @property
    def name(self) -> str:
        return self._engine.name

    def run(self, graph: str, inputs: Mapping[str, Tensor], *, keep: Collection[str] = ()) -> dict[str, Any]:
        start = time.monotonic()
        try:
            return self._engine.run(graph, inputs, keep=keep)
        finally:
            self._clock.seconds += time.monotonic() - start

    def close(self) -> None:
        self._engine.close()
