"""Frames that arrive while results leave: a bounded queue in front of the decoder, and what is known of each frame."""

import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from framecast.errors import FramecastError, InvalidArgumentError
from framecast_bundle.image_decoder import decode_image
from framecast_bundle.settings import Settings
from framecast_inference.channel import Cancelled
from framecast_inference.object_tracking import looking_lower
from framecast_inference.sources.raw_picture import RawPicture, raw_picture
from framecast_inference.sources.source_frame import SourceFrame

MAX_IN_FLIGHT = 256


@dataclass(frozen=True, eq=False, kw_only=True)
class LiveFrame:
    """As it arrived."""

    index: int
    """Counted as frames arrived."""
    id: int
    """The sender's own number."""
    time_s: Fraction | None
    """The sender's own time."""
    picture: bytes | RawPicture
    """An encoded file, or pixels."""
    settings: Settings
    new_settings: bool = False
    """Whether they differ from those of the frame before."""


@dataclass(frozen=True, eq=False)
class TakenFrame:
    """A frame that went to the model, without its pixels."""

    id: int
    time_s: Fraction | None
    dropped: tuple[int, ...]
    """Ids of those that were dropped since the one before."""
    settings: Settings | None
    """Where they changed with it, or with one that was dropped."""


class LiveFrames:
    """At most `capacity` frames wait. One thread puts, one iterates over `frames`; anyone may cancel.

    With `drop_oldest`, a frame for which there is no room takes the place of the oldest one that waits; otherwise
    whoever puts it waits.
    """

    def __init__(self, capacity: int, *, drop_oldest: bool) -> None:
        self._capacity = capacity
        self._drop_oldest = drop_oldest
        self._waiting: deque[LiveFrame] = deque()
        self._dropped: list[LiveFrame] = []
        self._taken: deque[TakenFrame] = deque()
        self._changed = threading.Condition()
        self._finished = False
        self._cancelled = False
        self._error: BaseException | None = None

    def put(self, frame: LiveFrame) -> None:
        """Adds a frame. Raises Cancelled."""
        with self._changed:
            while len(self._waiting) >= self._capacity and not self._drop_oldest and not self._cancelled:
                self._changed.wait()
            if self._cancelled:
                raise Cancelled
            if len(self._waiting) >= self._capacity:
                self._dropped.append(self._waiting.popleft())
            self._waiting.append(frame)
            self._changed.notify_all()

    def finish(self, error: BaseException | None = None) -> None:
        """Says that the last frame was put; with an error, that what came behind it was wrong."""
        with self._changed:
            self._finished = True
            self._error = error
            self._changed.notify_all()

    def cancel(self) -> None:
        """Drops the frames and wakes whoever waits."""
        with self._changed:
            self._cancelled = True
            self._waiting.clear()
            self._changed.notify_all()

    def frames(self) -> Iterator[SourceFrame]:
        """The frames, decoded. Raises Cancelled, and at the end the error that `finish` was given."""
        while (frame := self._take()) is not None:
            yield _decoded(frame)

    def taken(self) -> TakenFrame:
        """What is known of the next frame that `frames` gave, in its order."""
        return self._taken.popleft()

    def _take(self) -> LiveFrame | None:
        with self._changed:
            while not self._waiting and not self._finished and not self._cancelled:
                self._changed.wait()
            if self._cancelled:
                raise Cancelled
            if not self._waiting:
                if self._error is not None:
                    raise self._error
                return None
            frame = self._waiting.popleft()
            changed = frame.new_settings or any(each.new_settings for each in self._dropped)
            self._taken.append(
                TakenFrame(
                    frame.id,
                    frame.time_s,
                    tuple(each.id for each in self._dropped),
                    frame.settings if changed else None,
                )
            )
            self._dropped = []
            self._changed.notify_all()
            return frame


def _decoded(frame: LiveFrame) -> SourceFrame:
    begun = time.monotonic()
    try:
        image = (
            decode_image(frame.picture, label=f"frame {frame.id}")
            if isinstance(frame.picture, bytes)
            else raw_picture(frame.picture, field="frame.raw")
        )
    except FramecastError as error:
        if isinstance(error, InvalidArgumentError) and not error.field:
            error.field = "frame"
        return SourceFrame(index=frame.index, error=error, begun=begun)
    return SourceFrame(index=frame.index, image=image, settings=looking_lower(frame.settings), begun=begun)
