"""A running stream of frame results."""

import copy
from collections.abc import Iterator
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


class FrameIterator(Iterator[FrameResult]):
    """Frame results in presentation order, one by one as they are made.

    `len()` says how many will come in all. Leaving it early, by `cancel()` or the end of a `with` block, stops the
    work on the server.
    """

    def __init__(self, stream: Any, *, source: str) -> None:
        self._stream = stream  # iterates over messages and can be cancelled
        self._source = source
        self._ended = False
        try:
            first = next(stream, None)
        except FramecastError as error:
            raise self._named(error) from None
        if first is None or not first.HasField("header"):
            stream.cancel()
            raise InternalError("the stream of predictions did not begin with its header")
        self.info: StreamInfo = stream_info_from_proto(first.header)
        """The terms of the stream: size, time base, model, settings in force."""
        self.frames_done = 0
        """Results handed out so far."""

    def __len__(self) -> int:
        return self.info.total_frames

    def __next__(self) -> FrameResult:
        while not self._ended:
            try:
                message = next(self._stream)
            except StopIteration:
                self._ended = True
            except CancelledError:
                if not self._ended:
                    raise
            except FramecastError as error:
                self.cancel()
                raise self._named(error) from None
            except BaseException:
                self.cancel()
                raise
            else:
                if message.HasField("result"):
                    self.frames_done += 1
                    return frame_result_from_proto(message.result)
        raise StopIteration

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
