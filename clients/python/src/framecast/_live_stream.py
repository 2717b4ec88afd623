"""Frames sent while their results are read."""

import itertools
import queue
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Unpack

import numpy as np
from numpy.typing import NDArray

from framecast._convert_predictions import frame_result_from_proto, loaded_model_from_proto
from framecast._convert_settings import make_settings, settings_from_proto, settings_to_proto
from framecast._image_sources import ImageLike, image_source
from framecast._prediction_types import FrameResult, LoadedModel
from framecast._setting_types import InferenceSettings, SettingOptions
from framecast.errors import InternalError, InvalidArgumentError
from framecast.v1 import inference_service_pb2, inference_settings_pb2, live_frame_pb2

_NANOSECONDS = 1_000_000_000


@dataclass(frozen=True, eq=False)
class LiveFrame:
    """A picture to send, with the caller's own number and time for it."""

    image: ImageLike | NDArray[np.uint8]
    """As in `predict`; an array uint8 [H, W, 3] is sent as it is. With `yuv`, uint8 [H * 3 / 2, W]: brightness, and
    below it the colours, as PyAV and OpenCV have them."""
    id: int | None = None
    """None: counted from 0."""
    time: float | Fraction | None = None
    """In seconds."""
    yuv: str = ""
    """`i420` or `nv12`; empty: RGB."""


@dataclass(frozen=True, eq=False)
class LiveResult:
    """The answer for one frame."""

    id: int
    """The frame's own."""
    result: FrameResult
    """Its `frame_index` counts frames as the service took them in, and its `time` is the caller's."""
    dropped: tuple[int, ...] = ()
    """Ids of frames that were dropped between the result before and this one."""
    settings: InferenceSettings | None = None
    """What is applied from this frame on, where it was changed."""


Sendable = LiveFrame | ImageLike


class LiveStream(Iterator[LiveResult]):
    """Results of frames that are drawn from an iterable as the service takes them in, in their order.

    Frames are drawn in a thread of gRPC's. Leaving it early, by `cancel()` or the end of a `with` block, stops the work
    on the server and the drawing of frames. A connection that breaks ends it with UnavailableError: what a camera saw
    meanwhile is gone.
    """

    def __init__(
        self,
        open_stream: Callable[[Iterator[Any]], Any],
        start: inference_service_pb2.StreamFramesRequest.Start,
        frames: Iterable[Sendable],
    ) -> None:
        self._changes: queue.SimpleQueue[inference_settings_pb2.InferenceSettings] = queue.SimpleQueue()
        self._failure: BaseException | None = None
        self._ended = False
        self._stream = open_stream(self._requests(start, frames))
        first = next(self._stream, None)
        if first is None or not first.HasField("header"):
            self._stream.cancel()
            raise self._failure or InternalError("the stream of predictions did not begin with its header")
        self.model: LoadedModel = loaded_model_from_proto(first.header.model)
        self.settings: InferenceSettings = settings_from_proto(first.header.settings)
        """Applied to the newest result."""

    def __next__(self) -> LiveResult:
        if self._ended:
            raise StopIteration
        try:
            message = next(self._stream, None)
        except BaseException:
            self.cancel()
            raise
        if message is None:
            self._ended = True
            raise self._failure or StopIteration
        changed = settings_from_proto(message.settings) if message.HasField("settings") else None
        self.settings = changed or self.settings
        if message.HasField("frame_time"):
            message.result.presentation_time.CopyFrom(message.frame_time)
        return LiveResult(
            message.frame_id, frame_result_from_proto(message.result), tuple(message.dropped_frame_ids), changed
        )

    def update_settings(self, **settings: Unpack[SettingOptions]) -> None:
        """Applies these in place of the former ones to every frame that is drawn from now on.

        What is left out takes the model's default again.
        """
        self._changes.put(settings_to_proto(make_settings(settings)))

    def cancel(self) -> None:
        """Gives the stream up; the server stops working on it."""
        self._ended = True
        self._stream.cancel()

    def __enter__(self) -> "LiveStream":
        return self

    def __exit__(self, *_: Any) -> None:
        self.cancel()

    def _requests(
        self, start: inference_service_pb2.StreamFramesRequest.Start, frames: Iterable[Sendable]
    ) -> Iterator[inference_service_pb2.StreamFramesRequest]:
        yield inference_service_pb2.StreamFramesRequest(start=start)
        numbers = itertools.count()
        try:
            for frame in frames:
                if self._ended:
                    return
                while not self._changes.empty():
                    yield inference_service_pb2.StreamFramesRequest(settings=self._changes.get())
                number = next(numbers)
                message = live_frame_to_proto(frame if isinstance(frame, LiveFrame) else LiveFrame(frame), number)
                yield inference_service_pb2.StreamFramesRequest(frame=message)
        except BaseException as error:  # raised here, nobody would see it; the reader gets it at the end
            self._failure = error


def live_frame_to_proto(frame: LiveFrame, number: int) -> live_frame_pb2.LiveFrame:
    """A frame as it travels. Raises as `image_source` does."""
    message = live_frame_pb2.LiveFrame(id=number if frame.id is None else frame.id)
    if frame.time is not None:
        nanoseconds = round(Fraction(frame.time) * _NANOSECONDS)
        message.time.FromNanoseconds(nanoseconds)
    if frame.yuv:
        message.raw.CopyFrom(_yuv(frame.image, frame.yuv))
    elif isinstance(frame.image, np.ndarray) and frame.image.ndim == 3 and frame.image.shape[2:] == (3,):
        image = _bytes(frame.image)
        message.raw.CopyFrom(
            live_frame_pb2.RawPicture(
                layout=live_frame_pb2.RawPicture.RGB24,
                width=image.shape[1],
                height=image.shape[0],
                data=image.tobytes(),
            )
        )
    else:
        source = image_source(frame.image)  # an array of another shape is refused there
        if source.asset:
            raise InvalidArgumentError(
                "a live frame is sent along; predict stored pictures with `predict` or `predict_video`",
                field="frames",
                reason="ASSET_NOT_ALLOWED",
            )
        message.encoded = source.data
    return message


def _yuv(image: Any, layout: str) -> live_frame_pb2.RawPicture:
    layouts = {"i420": live_frame_pb2.RawPicture.I420, "nv12": live_frame_pb2.RawPicture.NV12}
    if layout not in layouts:
        raise InvalidArgumentError(f"yuv must be i420 or nv12, got {layout!r}", field="yuv", reason="LAYOUT_UNKNOWN")
    if not isinstance(image, np.ndarray) or image.ndim != 2 or image.shape[0] % 3 or image.shape[1] % 2:
        raise InvalidArgumentError(
            "a YUV picture must be uint8 [height * 3 / 2, width] with an even width and height",
            field="frames",
            reason="IMAGE_ARRAY_INVALID",
        )
    pixels = _bytes(image)
    return live_frame_pb2.RawPicture(
        layout=layouts[layout], width=pixels.shape[1], height=pixels.shape[0] // 3 * 2, data=pixels.tobytes()
    )


def _bytes(image: NDArray[Any]) -> NDArray[np.uint8]:
    if image.dtype != np.uint8:
        raise InvalidArgumentError(
            f"pixels must be uint8, got {image.dtype}", field="frames", reason="IMAGE_ARRAY_INVALID"
        )
    return np.ascontiguousarray(image)
