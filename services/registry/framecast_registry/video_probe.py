"""One video looked into by PyAV: its container, and its first frame."""

from pathlib import Path
from typing import BinaryIO

import av
from av.container import InputContainer
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from framecast.errors import InvalidArgumentError
from framecast_registry.domain import VideoProperties

# The containers of `media_type`. Playlists (HLS, DASH, concat), which name other files to open, are not looked into.
_OPTIONS = {"format_whitelist": "mov,matroska,avi", "protocol_whitelist": "file"}


def probe_video(file: Path | BinaryIO, label: str, *, max_pixels: int) -> VideoProperties:
    """What the container says, after the first frame was decoded. Raises InvalidArgumentError naming `label`.

    Damage behind the first frame is not looked for: reading the video reports it frame by frame.
    """
    try:
        with av.open(str(file) if isinstance(file, Path) else file, mode="r", options=_OPTIONS) as container:
            return _properties(container, label, max_pixels)
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise _refusal(
            f"{label}: not a video that can be read ({_text(error)}); export it again", "VIDEO_UNREADABLE", label
        ) from None


def _properties(container: InputContainer, label: str, max_pixels: int) -> VideoProperties:
    stream = _video_stream(container)
    if stream is None:
        raise _refusal(f"{label}: the file has no video stream", "VIDEO_STREAM_MISSING", label)
    if stream.codec_context is None:  # no decoder knows the stream; PyAV's stubs know no such stream
        raise _refusal(f"{label}: the video's codec is not supported", "VIDEO_UNREADABLE", label)
    width, height = stream.width, stream.height
    if width * height > max_pixels:
        raise InvalidArgumentError(
            f"{label}: {width} x {height} pixels are more than the {max_pixels} allowed; scale the video down",
            reason="VIDEO_TOO_LARGE",
            field="blob",
            file=label,
            width=width,
            height=height,
            limit_pixels=max_pixels,
        )
    frame = _first_frame(container, stream)
    if frame is None:
        raise _refusal(f"{label}: the video stream holds no frame", "VIDEO_EMPTY", label)
    rotation = -frame.rotation % 360  # PyAV counts counter-clockwise
    width, height = frame.width, frame.height
    if rotation in (90, 270):
        width, height = height, width
    return VideoProperties(
        width=width,
        height=height,
        frame_count=max(stream.frames, 0),
        duration_us=_duration_us(container, stream),
        codec=stream.codec_context.name,
        rotation_degrees=rotation,
    )


def _video_stream(container: InputContainer) -> VideoStream | None:
    for stream in container.streams.video:
        if not stream.disposition & Disposition.attached_pic:  # a cover picture is no video
            return stream
    return None


def _first_frame(container: InputContainer, stream: VideoStream) -> VideoFrame | None:
    for frame in container.decode(stream):
        assert isinstance(frame, VideoFrame)
        return frame
    return None


def _duration_us(container: InputContainer, stream: VideoStream) -> int:
    if stream.duration is not None and stream.time_base is not None:
        return max(round(stream.duration * stream.time_base * 1_000_000), 0)
    return max(container.duration or 0, 0)  # in AV_TIME_BASE units, which are microseconds


def _text(error: BaseException) -> str:
    return getattr(error, "strerror", None) or type(error).__name__


def _refusal(message: str, reason: str, label: str) -> InvalidArgumentError:
    return InvalidArgumentError(message, reason=reason, field="blob", file=label)
