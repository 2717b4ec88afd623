"""Frames through a model, in order: the next ones are decoded and prepared while the model computes."""

import math
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from framecast.errors import CancelledError, InvalidArgumentError
from framecast_bundle.prediction import Prediction
from framecast_bundle.settings import Settings
from framecast_inference.batching.batcher import BatchStream, Priority
from framecast_inference.channel import Cancelled, Channel, Finished
from framecast_inference.debug_picture import DebugPicture
from framecast_inference.loaded_model import LoadedModel
from framecast_inference.looks import Look, look_at
from framecast_inference.picture_watch import PictureWatch, now
from framecast_inference.sources.source_frame import SourceFrame

OnCancel = Callable[[Callable[[], None]], bool]
"""Registers what is to happen when the caller gives the call up; false where that has already happened."""


@dataclass(frozen=True, eq=False)
class FrameOutcome:
    """A frame, without its pixels, and what the model says of it; no prediction where the frame has an error."""

    frame: SourceFrame
    prediction: Prediction | None
    debug_picture: DebugPicture | None = None
    """Where the settings ask for it."""


@dataclass(frozen=True, eq=False)
class _Submitted:
    frame: SourceFrame
    """Without its pixels."""
    look: Look | None
    """None where the frame has an error."""


class Pipeline:
    """One stream of frames through a model that others use as well. Iterate over it once; `close` it in any case.

    A single decoded frame is held at a time, and `2 * max_batch + 2` others as tensors in the model's batches or as
    results; a slow reader slows the decoder down, and nobody else. An exception of the source reaches the reader after
    every result before it.
    """

    def __init__(
        self,
        source: Iterator[SourceFrame],
        model: LoadedModel,
        settings: Settings,
        *,
        priority: Priority = Priority.BULK,
        deadline: float = math.inf,
    ) -> None:
        """Starts its thread at once, in which `source` is read, and closed."""
        self._source = source
        self._model = model
        self._settings = settings
        self._stream = model.batcher.stream(priority=priority, deadline=deadline)
        self._submitted: Channel[_Submitted] = Channel(2 * model.max_batch + 2)
        self._watch = PictureWatch(model.meter)
        self._thread = threading.Thread(target=self._decode, name="framecast-decode", daemon=True)
        self._thread.start()

    def __iter__(self) -> Iterator[FrameOutcome]:
        """Outcomes in the source's order. Raises CancelledError once the pipeline is cancelled."""
        try:
            while True:
                yield _outcome(self._submitted.get(), self._watch)
        except Finished:
            return
        except Cancelled:
            raise CancelledError("the caller gave the call up") from None

    def cancel(self) -> None:
        """Asks all to stop: within one frame of decoding and one batch of computing. Does not wait."""
        self._submitted.cancel()
        self._stream.cancel()

    def close(self) -> None:
        """Cancels and waits until nothing of the source is in use any more."""
        self.cancel()
        self._thread.join()

    def _decode(self) -> None:
        try:
            for frame in _watched(self._source, self._watch):
                self._submitted.put(_submit(frame, self._model, self._stream, self._settings, self._watch))
            self._submitted.finish()
        except (Cancelled, CancelledError):
            self._submitted.cancel()
        except BaseException as error:  # whatever it is, it belongs to the reader
            self._submitted.finish(error)
        finally:
            close = getattr(self._source, "close", None)
            if close is not None:
                close()


@contextmanager
def open_pipeline(
    source: Iterator[SourceFrame],
    model: LoadedModel,
    settings: Settings,
    on_cancel: OnCancel,
    *,
    priority: Priority = Priority.BULK,
    deadline: float = math.inf,
) -> Iterator[Pipeline]:
    """A pipeline that is cancelled when the caller gives up, and closed when the context ends."""
    pipeline = Pipeline(source, model, settings, priority=priority, deadline=deadline)
    try:
        if not on_cancel(pipeline.cancel):
            pipeline.cancel()
        yield pipeline
    finally:
        pipeline.close()


def predict_inline(
    frames: Iterable[SourceFrame],
    model: LoadedModel,
    settings: Settings,
    on_cancel: OnCancel,
    *,
    deadline: float = math.inf,
) -> list[FrameOutcome]:
    """The same for a few frames, decoded before the first is submitted, in the caller's thread.

    Refused where too many wait.
    """
    watch = PictureWatch(model.meter)
    stream = model.batcher.stream(deadline=deadline, refusable=True)
    if not on_cancel(stream.cancel):
        stream.cancel()
    try:
        decoded = list(_watched(iter(frames), watch))
        submitted = [_submit(frame, model, stream, settings, watch) for frame in decoded]
        return [_outcome(each, watch) for each in submitted]
    finally:
        stream.cancel()  # What an error left behind is not worth computing.


def _watched(source: Iterator[SourceFrame], watch: PictureWatch) -> Iterator[SourceFrame]:
    start = now()
    for frame in source:
        begun = start if frame.begun is None else frame.begun
        watch.decoded(frame.index, begun, failed=frame.image is None)
        yield frame
        start = now()


def _submit(
    frame: SourceFrame, model: LoadedModel, stream: BatchStream, settings: Settings, watch: PictureWatch
) -> _Submitted:
    if frame.image is None:
        return _Submitted(frame, None)
    bare = replace(frame, image=None)
    try:
        look = look_at(frame.image, frame.index, model, stream, frame.settings or settings, watch)
    except InvalidArgumentError as error:  # this picture's alone: it takes too many windows
        return _Submitted(replace(bare, error=error), None)
    return _Submitted(bare, look)


def _outcome(submitted: _Submitted, watch: PictureWatch) -> FrameOutcome:
    if submitted.look is None:
        return FrameOutcome(submitted.frame, None)
    return FrameOutcome(submitted.frame, *submitted.look.result(watch))
