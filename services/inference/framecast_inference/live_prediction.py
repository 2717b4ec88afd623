"""Frames that a caller sends, through a model, while it reads the results of those before."""

import math
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from framecast_bundle.settings import Settings
from framecast_inference.batching.batcher import Priority
from framecast_inference.channel import Cancelled
from framecast_inference.live_frames import LiveFrame, LiveFrames, TakenFrame
from framecast_inference.loaded_model import LoadedModel
from framecast_inference.object_tracking import LiveTracker
from framecast_inference.pipeline import FrameOutcome, OnCancel, open_pipeline


@dataclass(frozen=True, eq=False)
class LiveOutcome:
    """A frame's outcome, and what the sender knows it by."""

    outcome: FrameOutcome
    taken: TakenFrame


@contextmanager
def stream_live(
    model: LoadedModel,
    arriving: Iterator[LiveFrame],
    settings: Settings,
    on_cancel: OnCancel,
    *,
    max_in_flight: int,
    drop_oldest: bool,
    priority: Priority = Priority.INTERACTIVE,
    deadline: float = math.inf,
) -> Iterator[Iterator[LiveOutcome]]:
    """The outcome of every frame that was not dropped, in order, while `arriving` is drawn by a thread of its own.

    What `arriving` raises comes behind every result before it. Leaving the context stops all work at once; the thread
    ends with the next frame, or when `arriving` does.
    """
    frames = LiveFrames(max_in_flight, drop_oldest=drop_oldest)
    if not on_cancel(frames.cancel):
        frames.cancel()
    receiver = threading.Thread(target=_receive, args=(arriving, frames), name="framecast-live", daemon=True)
    receiver.start()
    try:
        with open_pipeline(
            frames.frames(), model, settings, on_cancel, priority=priority, deadline=deadline
        ) as pipeline:
            try:
                yield _answered(pipeline, frames, LiveTracker(model.manifest), settings)
            finally:
                frames.cancel()  # the decoder may wait for a frame
    finally:
        frames.cancel()


def _answered(
    outcomes: Iterable[FrameOutcome], frames: LiveFrames, tracker: LiveTracker, settings: Settings
) -> Iterator[LiveOutcome]:
    for outcome in outcomes:
        taken = frames.taken()
        settings = taken.settings or settings
        yield LiveOutcome(tracker.follow(outcome, settings), taken)


def _receive(arriving: Iterator[LiveFrame], frames: LiveFrames) -> None:
    try:
        for frame in arriving:
            frames.put(frame)
    except Cancelled:
        pass
    except BaseException as error:  # it belongs to the reader
        frames.finish(error)
    else:
        frames.finish()
