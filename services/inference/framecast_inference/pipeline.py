"""Frames through a model, in order: decode, prepare and compute beside each other, memory bounded by short queues."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from framecast.errors import CancelledError
from framecast_bundle.prediction import Prediction
from framecast_bundle.settings import Settings
from framecast_inference.channel import Cancelled, Channel, Finished
from framecast_inference.loaded_model import LoadedModel
from framecast_inference.model_runner import ModelRunner
from framecast_inference.sources.source_frame import Image, SourceFrame

OnCancel = Callable[[Callable[[], None]], bool]
"""Registers what is to happen when the caller gives the call up; false where that has already happened."""

# Frames are large, results are small. Of very large ones a single frame waits.
_DECODED_FRAMES = 4
_DECODED_BYTES = 64 * 1024**2
_PREPARED_BATCHES = 1
_RESULTS = 16


@dataclass(frozen=True, eq=False)
class FrameOutcome:
    """A frame, without its pixels, and what the model says of it; no prediction where the frame has an error."""

    frame: SourceFrame
    prediction: Prediction | None


@dataclass(frozen=True, eq=False)
class _Batch:
    frames: list[SourceFrame]
    """Without their pixels."""
    prepared: Any
    """Of the frames without an error; None where there is none."""


class Pipeline:
    """One stream of frames through one model. Iterate over it once; `close` it in any case.

    At most `max_batch` + 5 decoded frames, three prepared batches, and 16 results beside a batch of them exist at a
    time; a slow reader slows the decoder down. An exception of a stage reaches the reader after every result before it.
    """

    def __init__(
        self, source: Iterator[SourceFrame], runner: ModelRunner, settings: Settings, *, max_batch: int = 8
    ) -> None:
        """Starts its threads at once. `source` is read, and closed, in a thread of the pipeline."""
        self._source = source
        self._runner = runner
        self._settings = settings
        self._max_batch = max_batch
        self._decoded: Channel[SourceFrame] = Channel(_DECODED_FRAMES, max_weight=_DECODED_BYTES, weigh=_size_bytes)
        self._prepared: Channel[_Batch] = Channel(_PREPARED_BATCHES)
        self._results: Channel[FrameOutcome] = Channel(_RESULTS)
        self._threads = [
            threading.Thread(target=_stage, args=(work, output), name=f"framecast-{name}", daemon=True)
            for name, work, output in (
                ("decode", self._decode, self._decoded),
                ("prepare", self._prepare, self._prepared),
                ("compute", self._compute, self._results),
            )
        ]
        for thread in self._threads:
            thread.start()

    def __iter__(self) -> Iterator[FrameOutcome]:
        """Outcomes in the source's order. Raises CancelledError once the pipeline is cancelled."""
        try:
            while True:
                yield self._results.get()
        except Finished:
            return
        except Cancelled:
            raise CancelledError("the caller gave the call up") from None

    def cancel(self) -> None:
        """Asks all stages to stop: within one frame of decoding and one batch of computing. Does not wait."""
        for channel in (self._decoded, self._prepared, self._results):
            channel.cancel()

    def close(self) -> None:
        """Cancels and waits until nothing of the source or the model is in use any more."""
        self.cancel()
        for thread in self._threads:
            thread.join()

    def _decode(self) -> None:
        try:
            for frame in self._source:
                self._decoded.put(frame)
        finally:
            close = getattr(self._source, "close", None)
            if close is not None:
                close()

    def _prepare(self) -> None:
        while True:
            self._prepared.put(_prepare_batch(self._runner, self._decoded.get_some(self._max_batch)))

    def _compute(self) -> None:
        while True:
            for outcome in _run_batch(self._runner, self._prepared.get(), self._settings):
                self._results.put(outcome)


@contextmanager
def open_pipeline(
    source: Iterator[SourceFrame], model: LoadedModel, settings: Settings, on_cancel: OnCancel
) -> Iterator[Pipeline]:
    """A pipeline of a loaded model that is cancelled when the caller gives up, and closed when the context ends."""
    pipeline = Pipeline(source, model.runner, settings, max_batch=model.max_batch)
    try:
        if not on_cancel(pipeline.cancel):
            pipeline.cancel()
        yield pipeline
    finally:
        pipeline.close()


def predict_inline(frames: Sequence[SourceFrame], runner: ModelRunner, settings: Settings) -> Iterator[FrameOutcome]:
    """The same for frames that are one batch already, in the caller's thread."""
    return _run_batch(runner, _prepare_batch(runner, frames), settings)


def _stage(work: Callable[[], None], output: Channel[Any]) -> None:
    try:
        work()
    except Finished:
        output.finish()
    except Cancelled:
        output.cancel()
    except BaseException as error:  # whatever it is, it belongs to the reader
        output.finish(error)
    else:
        output.finish()


def _prepare_batch(runner: ModelRunner, frames: Sequence[SourceFrame]) -> _Batch:
    images: list[Image] = [frame.image for frame in frames if frame.image is not None]
    prepared = runner.prepare(images) if images else None
    return _Batch([_without_pixels(frame) for frame in frames], prepared)


def _run_batch(runner: ModelRunner, batch: _Batch, settings: Settings) -> Iterator[FrameOutcome]:
    decoded = sum(frame.error is None for frame in batch.frames)
    predictions = iter(runner.run(batch.prepared, [settings] * decoded) if decoded else ())
    for frame in batch.frames:
        yield FrameOutcome(frame, None if frame.error is not None else next(predictions))


def _size_bytes(frame: SourceFrame) -> int:
    return 0 if frame.image is None else frame.image.nbytes


def _without_pixels(frame: SourceFrame) -> SourceFrame:
    return SourceFrame(index=frame.index, error=frame.error, pts=frame.pts, time_s=frame.time_s)
