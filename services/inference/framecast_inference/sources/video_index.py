"""The exact table frame index ↔ presentation time of a video, from its packets, without decoding them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain, pairwise
from pathlib import Path
from typing import TypeAlias

import av
import av.container
import av.packet
import av.video.stream
import numpy as np
import numpy.typing as npt

from framecast.errors import CancelledError
from framecast_inference.sources import video_errors
from framecast_inference.sources.container import open_video

LongArray = npt.NDArray[np.int64]
VideoPacket: TypeAlias = "av.packet.Packet[av.video.stream.VideoStream]"
Wanted: TypeAlias = Callable[[], bool]
"""Whether anybody still waits; asked once per packet, by whatever may read a whole file."""


def still_wanted() -> bool:
    """Of work that nobody can cancel."""
    return True


def check_wanted(wanted: Wanted) -> None:
    """Raises CancelledError where nobody waits any more."""
    if not wanted():
        raise CancelledError("the caller gave the call up")


@dataclass(frozen=True, eq=False, kw_only=True)
class VideoIndex:
    """Frames in presentation order. What an edit list hides and what precedes the first key frame is no frame."""

    time_base: Fraction
    """Seconds per unit of `pts`."""
    pts: LongArray
    """[N] strictly increasing; N is at least 1."""
    key_pts: LongArray
    """Times of the packets where decoding can start, increasing; also of those that are not shown. Empty unless
    `seekable`."""
    frame_count: int
    """Frames that the container announces, at least N; more than N where the file is cut short."""
    seekable: bool
    """Whether packets carry exact times, so that frames are known by them; otherwise decoding starts at the first."""

    def time_s(self, index: int) -> Fraction:
        """When frame `index` is shown, in seconds, exactly."""
        return int(self.pts[index]) * self.time_base

    @property
    def average_frame_rate(self) -> Fraction:
        """Frames per second between the first frame and the last; 0 where there is only one."""
        span = int(self.pts[-1] - self.pts[0]) * self.time_base
        return (len(self.pts) - 1) / span if span else Fraction(0)

    def find(self, pts: int) -> int | None:
        """The frame that is shown at exactly `pts`."""
        index = int(np.searchsorted(self.pts, pts))
        return index if index < len(self.pts) and self.pts[index] == pts else None

    def key_before(self, index: int) -> int:
        """Position in `key_pts` of the last key frame at or before frame `index`; decode from there to get it."""
        return int(np.searchsorted(self.key_pts, self.pts[index], side="right")) - 1


def read_video_index(path: Path, *, label: str, wanted: Wanted = still_wanted) -> VideoIndex:
    """Reads every packet's time once. Errors name `label`.

    Raises InvalidArgumentError with reason `VIDEO_UNREADABLE`, `VIDEO_STREAM_MISSING`, `VIDEO_EMPTY` or
    `VIDEO_TOO_LARGE`, DataLossError with `VIDEO_DAMAGED` where frames are announced but none is whole, CancelledError
    as soon as it is not `wanted`.
    """
    with open_video(path, label=label) as (container, stream):
        scan = _Scan(container, stream, wanted)
        if stream.time_base is None:
            raise video_errors.unreadable(label, "its stream has no time base")
        announced = max(scan.packet_count, _announced(container, stream))
        if not scan.shown:
            raise video_errors.damaged(label, 0, announced, announced) if announced else video_errors.empty(label)
        if not scan.exact:
            return _index_by_decoding(path, label, stream.time_base, wanted)
        pts = np.array(sorted(scan.shown), dtype=np.int64)
        keys = np.array(sorted(scan.keys), dtype=np.int64)
        time_base = stream.time_base
    lost = 0
    if pts[0] < scan.keys[0]:  # they refer to frames before the file's start; the decoder knows whether it needs those
        lost = int(np.searchsorted(pts, _first_decoded(path, label, wanted, default=scan.keys[0])))
    return VideoIndex(time_base=time_base, pts=pts[lost:], key_pts=keys, frame_count=announced - lost, seekable=True)


class _Scan:
    """What the packets say: times of the frames shown and of the key frames, in the order of the file."""

    def __init__(
        self, container: av.container.InputContainer, stream: av.video.stream.VideoStream, wanted: Wanted
    ) -> None:
        self.shown: list[int] = []
        self.keys: list[int] = []
        self.packet_count = 0
        untimed = 0
        for packet in _packets(container, stream, wanted):
            if not packet.is_keyframe and not self.keys:
                continue
            self.packet_count += not packet.is_discard
            if packet.is_corrupt:
                continue
            if packet.pts is None:
                untimed += 1
                continue
            if packet.is_keyframe:
                self.keys.append(packet.pts)
            if not packet.is_discard:
                self.shown.append(packet.pts)
        self.exact = untimed == 0 and len(set(self.shown)) == len(self.shown)
        if untimed and not self.shown:
            self.shown = [0]


def _packets(
    container: av.container.InputContainer, stream: av.video.stream.VideoStream, wanted: Wanted
) -> Iterator[VideoPacket]:
    try:
        for packet in container.demux(stream):
            check_wanted(wanted)
            if packet.size:
                yield packet
    except av.FFmpegError:
        return  # what was read up to here is what there is


def _announced(container: av.container.InputContainer, stream: av.video.stream.VideoStream) -> int:
    # Only these containers list all of their frames ahead of them, after edit lists were applied.
    if not {"mov", "avi"} & set(container.format.name.split(",")):
        return 0
    return sum(not entry.is_discard for entry in stream.index_entries)


def _first_decoded(path: Path, label: str, wanted: Wanted, *, default: int) -> int:
    with open_video(path, label=label) as (container, stream):
        for frame in _decode_all(container, stream, wanted):
            if frame.pts is not None:
                return frame.pts
    return default


def _index_by_decoding(path: Path, label: str, time_base: Fraction, wanted: Wanted) -> VideoIndex:
    with open_video(path, label=label) as (container, stream):
        times = [frame.pts for frame in _decode_all(container, stream, wanted)]
        rate = stream.average_rate or stream.guessed_rate or Fraction(25)
    if not times:
        raise video_errors.empty(label)
    known = [time for time in times if time is not None]
    if len(known) == len(times) and all(a < b for a, b in pairwise(known)):
        pts = np.array(known, dtype=np.int64)
    else:  # the file has no usable times at all: frames follow each other at the stream's rate
        pts, time_base = np.arange(len(times), dtype=np.int64), 1 / Fraction(rate)
    return VideoIndex(time_base=time_base, pts=pts, key_pts=np.empty(0, np.int64), frame_count=len(pts), seekable=False)


def _decode_all(
    container: av.container.InputContainer, stream: av.video.stream.VideoStream, wanted: Wanted
) -> Iterator[av.VideoFrame]:
    for packet in chain(_packets(container, stream, wanted), [None]):
        try:
            yield from stream.codec_context.decode(packet)
        except av.FFmpegError:
            continue
