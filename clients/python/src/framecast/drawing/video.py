"""Predictions drawn on a video; every frame keeps its presentation time."""

from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from framecast._prediction_types import FrameResult
from framecast.drawing.picture import draw_prediction
from framecast.errors import FailedPreconditionError, FramecastError, InvalidArgumentError

if TYPE_CHECKING:
    import av


def draw_video(
    source: str | Path,
    results: Iterable[FrameResult],
    target: str | Path,
    *,
    on_frame: Callable[[FrameResult], None] = lambda result: None,
    boxes: bool | None = None,
) -> int:
    """Writes an MP4 (H.264) of the frames of `source` that `results` speak of, in order, with predictions on them.

    Results are taken one by one as they come, so a running stream can be given; memory does not grow with the
    length. Presentation times are kept, a variable frame rate too. A frame whose result is an error stays plain.
    Returns how many frames were written. Where `results` raises a FramecastError, the frames before it are kept in
    `target`; on anything else the file is removed. Raises FailedPreconditionError without the extra `framecast[video]`.
    """
    import_av()
    written = 0
    with _Writer(Path(target)) as writer:
        frames = _Frames(Path(source))
        for result in results:
            frame = frames.find(result)
            if frame is None and result.prediction is None:
                continue  # a damaged frame: there is nothing to show
            if frame is None:
                raise InvalidArgumentError(
                    f"{source} has no frame {result.frame_index}: the results belong to another video",
                    reason="FRAME_MISSING",
                    file=source,
                    frame_index=result.frame_index,
                )
            picture = _upright(frame)
            if result.prediction is not None:
                picture = draw_prediction(picture, result.prediction, boxes=boxes)
            writer.write(picture, result.pts, frame.time_base)
            written += 1
            on_frame(result)
    return written


def import_av() -> Any:
    """PyAV, which only videos need. Raises FailedPreconditionError where it is not installed."""
    try:
        import av
    except ImportError:
        raise FailedPreconditionError(
            "writing videos needs PyAV: pip install 'framecast[video]'", reason="VIDEO_SUPPORT_MISSING"
        ) from None
    return av


class _Frames:
    """The frames of a video, found again by their time stamps, which damaged frames before them do not shift."""

    def __init__(self, path: Path) -> None:
        self._decoded = _decode(path)
        self._next: Any = None

    def find(self, result: FrameResult) -> Any:
        """The frame that a result speaks of; None where it cannot be decoded. Results come in order."""
        while True:
            frame = self._next or next(self._decoded, None)
            self._next = None
            if frame is None or frame.pts == result.pts:
                return frame
            if frame.pts is not None and frame.pts > result.pts:
                self._next = frame
                return None


def _decode(path: Path) -> Iterator[Any]:
    """Frames in presentation order; what is damaged is left out."""
    av = import_av()
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        packets = container.demux(stream)
        while True:
            try:
                packet = next(packets)
                frames = packet.decode()
            except StopIteration:
                return
            except av.error.FFmpegError:
                continue
            yield from frames


def _upright(frame: Any) -> Image.Image:
    picture: Image.Image = frame.to_image()
    turn = int(frame.rotation) % 360  # degrees counter-clockwise
    return picture.rotate(turn, expand=True) if turn else picture


class _Writer:
    """Opens the file when the first frame's size is known; complete or not there at all."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._part = path.with_name(path.name + ".part")
        self._container: av.container.OutputContainer | None = None
        self._stream: Any = None
        self._first_pts = 0
        self._last_pts = -1

    def __enter__(self) -> "_Writer":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: Any) -> None:
        if self._container is None:
            return
        # Where the results ended in an error of ours, what came before it is worth keeping.
        whole = kind is None or issubclass(kind, FramecastError)
        if whole:
            self._container.mux(self._stream.encode(None))
        self._container.close()
        if whole:
            self._part.replace(self._path)
        else:
            self._part.unlink(missing_ok=True)

    def write(self, picture: Image.Image, pts: int, time_base: Fraction) -> None:
        import av

        if self._container is None:
            self._open(picture.size, time_base)
            self._first_pts = pts
        frame = av.VideoFrame.from_ndarray(np.asarray(_even(picture)), format="rgb24")
        # A player starts at the first frame that is there; the distances between frames stay as they were.
        frame.pts = self._last_pts = max(pts - self._first_pts, self._last_pts + 1)
        frame.time_base = time_base
        assert self._container is not None
        self._container.mux(self._stream.encode(frame))

    def _open(self, size: tuple[int, int], time_base: Fraction) -> None:
        import av

        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._part.open("wb").close()  # refused with the name of the file, which PyAV leaves out
        timescale = str(time_base.denominator) if time_base.numerator == 1 else "90000"
        self._container = av.open(str(self._part), "w", format="mp4", options={"video_track_timescale": timescale})
        self._stream = self._container.add_stream("libx264", options={"crf": "20", "preset": "veryfast"})
        self._stream.width, self._stream.height = (side + side % 2 for side in size)
        self._stream.pix_fmt = "yuv420p"
        self._stream.codec_context.time_base = time_base


def _even(picture: Image.Image) -> Image.Image:
    """H.264 stores colour at half the resolution: sides must be even; the last column or row is repeated."""
    width, height = picture.size
    if width % 2 == 0 and height % 2 == 0:
        return picture
    wide = Image.new("RGB", (width + width % 2, height + height % 2))
    for x, y in ((1, 1), (1, 0), (0, 1), (0, 0)):
        wide.paste(picture, (x * (width % 2), y * (height % 2)))
    return wide
