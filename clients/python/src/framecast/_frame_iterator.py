"""A running stream of frame results."""

import copy
import itertools
import time
from collections.abc import Callable, Iterator
from typing import Any

from framecast._convert_predictions import frame_result_from_proto, stream_info_from_proto
from framecast._prediction_types import FrameResult, StreamInfo
from framecast.errors import (
    CancelledError,
    DeadlineExceededError,
    FramecastError,
    InternalError,
    UnavailableError,
)

_UPLOADED = "the uploaded video"


# A service that was killed is back within seconds; one that moves to another machine may take a minute.
_PAUSES_S = (0.1, 0.3, 1.0, 2.0)
_PATIENCE_S = 120.0

OpenStream = Callable[[str, float | None], Any]
"""Asks for the stream behind a resume token ("" from the start) within some seconds; iterates over messages and can be
cancelled."""


class FrameIterator(Iterator[FrameResult]):
    """Frame results in presentation order, one by one as they are made; each comes exactly once.

    Where the connection breaks or the service is restarted, it goes on by itself behind the last result, for up to two
    minutes without one. `len()` says how many will come in all. Leaving it early, by `cancel()` or the end of a `with`
    block, stops the work on the server.
    """

    def __init__(
        self, open_stream: OpenStream, *, source: str, timeout: float | None = None, resume_token: str = ""
    ) -> None:
        self._open_stream = open_stream
        self._source = source
        self._deadline = None if timeout is None else time.monotonic() + timeout
        self._ended = False
        self.resume_token = resume_token
        """Of the last result that was handed out: `predict_video(..., resume_token=...)` of another process goes on
        behind it. Empty before the first."""
        try:
            self._stream, header = self._begin_first()
        except FramecastError as error:
            raise self._named(error) from None
        self.info: StreamInfo = stream_info_from_proto(header)
        """The terms of the stream: size, time base, model, settings in force."""
        self.frames_done = 0
        """Results so far, of the whole request: those before `resume_token` among them."""

    def __len__(self) -> int:
        return self.info.total_frames

    def __next__(self) -> FrameResult:
        while not self._ended:
            try:
                message = self._next_message()
            except FramecastError as error:
                self.cancel()
                raise self._named(error) from None
            except BaseException:
                self.cancel()
                raise
            if message is None:
                self._ended = True
            elif message.HasField("result"):
                result = frame_result_from_proto(message.result)
                self.frames_done = message.progress.frames_done
                self.resume_token = message.progress.resume_token
                return result
        raise StopIteration

    def _next_message(self) -> Any:
        """The next message, of this stream or of the one that takes its place; None at the end."""
        while True:
            try:
                return next(self._stream, None)
            except (UnavailableError, CancelledError) as error:
                if self._ended:
                    return None
                self._stream, _ = self._begin_again(error)

    def _begin_first(self) -> tuple[Any, Any]:
        """Who starts anew is told at once that nobody answers; who goes on knows better, and waits."""
        try:
            return self._begin()
        except UnavailableError as error:
            if not self.resume_token:
                raise
            return self._begin_again(error)

    def _begin_again(self, lost: FramecastError) -> tuple[Any, Any]:
        until = time.monotonic() + _PATIENCE_S
        for pause_s in itertools.chain(_PAUSES_S, itertools.repeat(_PAUSES_S[-1])):
            if time.monotonic() > until:
                raise lost
            time.sleep(pause_s)
            try:
                return self._begin()
            except (UnavailableError, CancelledError) as error:
                lost = error
        raise AssertionError  # the pauses never end

    def _begin(self) -> tuple[Any, Any]:
        remaining = None if self._deadline is None else self._deadline - time.monotonic()
        if remaining is not None and remaining <= 0:
            raise DeadlineExceededError("the stream took longer than its timeout")
        stream = self._open_stream(self.resume_token, remaining)
        first = next(stream, None)
        if first is None or not first.HasField("header"):
            stream.cancel()
            raise InternalError("the stream of predictions did not begin with its header")
        return stream, first.header

    def cancel(self) -> None:
        """Gives the stream up; the server stops working on it. Further results do not come."""
        self._ended = True
        self._stream.cancel()

    def _named(self, error: FramecastError) -> FramecastError:
        """The service does not know what the caller calls the video."""
        if self._source in error.message or isinstance(error, UnavailableError | DeadlineExceededError):
            return error
        named = copy.copy(error)
        named.message = (
            error.message.replace(_UPLOADED, self._source)
            if _UPLOADED in error.message
            else f"{self._source}: {error.message}"
        )
        named.args = (named.message,)
        named.metadata = {**error.metadata, "file": self._source}
        return named

    def __enter__(self) -> "FrameIterator":
        return self

    def __exit__(self, *_: Any) -> None:
        self.cancel()
