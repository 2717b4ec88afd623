"""Between the messages of a live stream and what its use case speaks of."""

from collections.abc import Callable, Iterator
from fractions import Fraction

from google.protobuf.duration_pb2 import Duration

from framecast.errors import InvalidArgumentError
from framecast.v1 import inference_service_pb2 as messages
from framecast.v1.inference_settings_pb2 import InferenceSettings
from framecast.v1.live_frame_pb2 import LiveFrame as LiveFrameMessage
from framecast.v1.live_frame_pb2 import RawPicture as RawPictureMessage
from framecast_bundle.settings import Settings
from framecast_inference import convert
from framecast_inference.live_frames import MAX_IN_FLIGHT, LiveFrame, TakenFrame
from framecast_inference.loaded_model import LoadedModel
from framecast_inference.result_writer import split_seconds
from framecast_inference.sources.raw_picture import Layout, RawPicture

_LAYOUTS = {
    RawPictureMessage.RGB24: Layout.RGB24,
    RawPictureMessage.I420: Layout.I420,
    RawPictureMessage.NV12: Layout.NV12,
}
_DEFAULT_IN_FLIGHT = 16


def live_start(requests: Iterator[messages.StreamFramesRequest]) -> messages.StreamFramesRequest.Start:
    """The first message of a live stream; the rest stays in the iterator."""
    first = next(requests, None)
    if first is None or first.WhichOneof("payload") != "start":
        raise InvalidArgumentError(
            "the first message must hold `start`, the next ones `frame` or `settings`",
            reason="STREAM_ORDER",
            field="start",
        )
    start = first.start
    start.max_in_flight = start.max_in_flight or _DEFAULT_IN_FLIGHT
    if not 1 <= start.max_in_flight <= MAX_IN_FLIGHT:
        raise InvalidArgumentError(
            f"start.max_in_flight is {start.max_in_flight}; it must be in [1, {MAX_IN_FLIGHT}]",
            reason="IN_FLIGHT_OUT_OF_RANGE",
            field="start.max_in_flight",
            value=start.max_in_flight,
        )
    return start


def live_frames(
    requests: Iterator[messages.StreamFramesRequest],
    settings: Settings,
    fill: Callable[[InferenceSettings], Settings],
) -> Iterator[LiveFrame]:
    """The frames of a live stream, each with the settings in force; `fill` decides what a change leaves open."""
    changed = False
    index = 0
    for message in requests:
        payload = message.WhichOneof("payload")
        if payload == "settings":
            settings, changed = fill(message.settings), True
        elif payload == "frame":
            yield LiveFrame(
                index=index,
                id=message.frame.id,
                time_s=_seconds(message.frame.time) if message.frame.HasField("time") else None,
                picture=_live_picture(message.frame),
                settings=settings,
                new_settings=changed,
            )
            changed = False
            index += 1
        else:
            raise InvalidArgumentError(
                "every message behind the first one must hold `frame` or `settings`",
                reason="STREAM_ORDER",
                field=payload or "frame",
            )


def live_header_to_proto(model: LoadedModel, settings: Settings, max_in_flight: int) -> messages.StreamFramesResponse:
    """The first answer of a live stream."""
    return messages.StreamFramesResponse(
        header=messages.StreamFramesResponse.Header(
            model=convert.loaded_model_to_proto(model), settings=settings.to_proto(), max_in_flight=max_in_flight
        )
    )


def taken_to_proto(taken: TakenFrame) -> messages.StreamFramesResponse:
    """What goes with the result of a live frame."""
    message = messages.StreamFramesResponse(frame_id=taken.id, dropped_frame_ids=taken.dropped)
    if taken.time_s is not None:
        message.frame_time.seconds, message.frame_time.nanos = split_seconds(taken.time_s)
    if taken.settings is not None:
        message.settings.CopyFrom(taken.settings.to_proto())
    return message


def _seconds(time: Duration) -> Fraction:
    return time.seconds + Fraction(time.nanos, 10**9)


def _live_picture(frame: LiveFrameMessage) -> bytes | RawPicture:
    if frame.WhichOneof("picture") != "raw":
        return frame.encoded
    raw = frame.raw
    if raw.layout not in _LAYOUTS:
        raise InvalidArgumentError(
            "frame.raw.layout must be RGB24, I420 or NV12", reason="RAW_PICTURE_INVALID", field="frame.raw.layout"
        )
    return RawPicture(_LAYOUTS[raw.layout], raw.width, raw.height, raw.data, tuple(raw.strides))
