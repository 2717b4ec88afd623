"""Opens video containers: the first real picture stream, with libav's complaints as ours."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av
import av.container
import av.stream
import av.video.stream

from framecast_bundle.image_decoder import MAX_PIXELS
from framecast_inference.sources import video_errors

# Containers and bare streams that hold their own bytes. Playlists (HLS, DASH, concat), which name other files to open,
# are not even looked into, nor are pictures, which have a service method of their own.
_FORMATS = (
    "mov", "matroska", "avi", "mpegts", "mpeg", "mpegvideo", "m4v", "h264", "hevc", "obu", "ivf", "flv", "asf", "ogg",
    "mxf", "nut", "yuv4mpegpipe",
    "mp3", "wav", "flac", "aac",  # to be refused for what they are
)  # fmt: skip
_OPTIONS = {"format_whitelist": ",".join(_FORMATS), "protocol_whitelist": "file", "fflags": "+genpts"}


@contextmanager
def open_video(
    path: Path, *, label: str, max_pixels: int = MAX_PIXELS
) -> Iterator[tuple[av.container.InputContainer, av.video.stream.VideoStream]]:
    """The container and its first video stream that is not a cover picture.

    Raises InvalidArgumentError with reason `VIDEO_UNREADABLE`, `VIDEO_STREAM_MISSING` or `VIDEO_TOO_LARGE`.
    """
    try:
        container = av.open(str(path), mode="r", options=_OPTIONS)
    except (av.FFmpegError, OSError, UnicodeDecodeError) as error:
        raise video_errors.unreadable(label, _short(error)) from None
    with container:
        streams = [
            stream for stream in container.streams.video if not stream.disposition & av.stream.Disposition.attached_pic
        ]
        if not streams:
            raise video_errors.stream_missing(label)
        codec = streams[0].codec_context
        if codec is None:
            raise video_errors.unreadable(label, "its codec is not supported")
        if codec.width * codec.height > max_pixels:
            raise video_errors.too_large(label, codec.width, codec.height, max_pixels)
        # A stream may grow on its way; the decoder holds to the limit by itself.
        codec.options = {"max_pixels": str(max_pixels)}
        # One thread decodes in order and loses nothing but the damaged frames; the stages run beside each other anyway.
        codec.thread_count = 1
        yield container, streams[0]


def _short(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error)
