"""A running stream of frame results."""

from collections.abc import Iterator
from typing import Any

from framecast._convert_predictions import frame_result_from_proto, stream_info_from_proto
from framecast._prediction_types import FrameResult, StreamInfo
from framecast.errors import CancelledError, InternalError


class FrameIterator(Iterator[FrameResult]):
    """Frame results in presentation order, one by one as they are made.

    `len()` says how many will come in all. Leaving it early, by `cancel()` or the end of a `with` block, stops the
    work on the server.
    """

    def __init__(self, stream: Any, *, fps: float | None = None) -> None:
        self._stream = stream  # iterates over messages and can be cancelled
        self._ended = False
        first = next(stream, None)
        if first is None or not first.HasField("header"):
            stream.cancel()
            raise InternalError("the stream of predictions did not begin with its header")
        self.info: StreamInfo = stream_info_from_proto(first.header, fps=fps)
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

    def __enter__(self) -> "FrameIterator":
        return self

    def __exit__(self, *_: Any) -> None:
        self.cancel()
