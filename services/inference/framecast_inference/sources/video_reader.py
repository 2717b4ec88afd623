"""Decodes exactly the frames asked for, each with its index and time, as upright RGB."""

from collections.abc import Iterator
from pathlib import Path
from typing import SupportsBytes, cast

import av
import av.container
import av.video.stream

from framecast_bundle.orientation import Orientation
from framecast_inference.resume_point import ResumePoint
from framecast_inference.sources import video_errors
from framecast_inference.sources.backward import backward_chunks, held_frames
from framecast_inference.sources.container import open_video
from framecast_inference.sources.frame_sequence import SequenceFacts
from framecast_inference.sources.source_frame import SourceFrame
from framecast_inference.sources.video_index import (
    VideoIndex,
    VideoPacket,
    Wanted,
    check_wanted,
    read_video_index,
    still_wanted,
)
from framecast_inference.sources.video_layout import VideoLayout
from framecast_inference.sources.video_picture import VideoPicture


class VideoReader:
    """A video file with its index: a `FrameSequence`.

    It holds no file open between calls, so several may read at the same time.

    Raises, when made, what `read_video_index` raises, and DataLossError where not one frame can be decoded. Both that
    and `frames` end with CancelledError as soon as they are not `wanted`.
    """

    def __init__(
        self, path: Path, *, label: str, wanted: Wanted = still_wanted, layout: VideoLayout | None = None
    ) -> None:
        """`layout`, where it is known, spares the reading of the whole container."""
        self._path = path
        self._label = label
        self._wanted = wanted
        self.index: VideoIndex = layout.index if layout else read_video_index(path, label=label, wanted=wanted)
        self.layout = layout or self._look()
        self._orientation = self.layout.orientation
        self.width, self.height = self._orientation.size(*self.layout.stored_size)
        """Of an upright frame, in pixels."""
        self.facts = SequenceFacts(
            width=self.width,
            height=self.height,
            time_base=self.index.time_base,
            frame_count=self.index.frame_count,
            average_frame_rate=self.index.average_frame_rate,
        )

    def readable(self, selected: range) -> range:
        """The part of a selection whose packets are there; shorter only for a file that is cut short."""
        whole = len(self.index.pts)
        if selected.step < 0:
            beyond = max(0, selected.start - whole + 1)
            return selected[-(beyond // selected.step) :]
        return range(selected.start, min(selected.stop, whole), selected.step) if selected else selected

    def frames(self, selected: range, *, start: ResumePoint = ResumePoint()) -> Iterator[SourceFrame]:  # noqa: B008
        """The selected frames from a point of the selection on, in its order, decoded from the nearest key frame.

        A falling selection gives the frames of the rising one, the last one first. Frames that cannot be decoded are
        left out; when all others have been given, they raise DataLossError with reason `VIDEO_DAMAGED` and the first
        one's `frame_index`, those before `start` among them. Closing the iterator closes the file.
        """
        order = selected[start.position :]
        missing = _Missing(start)
        position = 0
        for index, frame in self._decode_backward(order) if selected.step < 0 else self._decode_forward(order):
            found = order.index(index)
            if found < position:  # a damaged stream may give a frame too late, or twice
                continue
            missing.add(order[position:found])
            position = found + 1
            yield SourceFrame(
                index=index,
                image=VideoPicture(frame, self._orientation),
                pts=int(self.index.pts[index]),
                time_s=self.index.time_s(index),
            )
        missing.add(order[position:])
        if missing.first is not None:
            raise video_errors.damaged(self._label, missing.first, missing.count, self.index.frame_count)

    def _decode_forward(self, order: range) -> Iterator[tuple[int, av.VideoFrame]]:
        for run in self._runs(self.readable(order)):
            yield from self._decode_run(run)

    def _decode_backward(self, order: range) -> Iterator[tuple[int, av.VideoFrame]]:
        for chunk in backward_chunks(self.index, self.readable(order), held_frames(self.width, self.height)):
            held: list[tuple[int, av.VideoFrame]] = []
            for index, frame in self._decode_run(chunk):
                if not held or index > held[-1][0]:  # as on the way forward, what comes too late is left out
                    held.append((index, frame))
            while held:  # each is let go of as soon as it is handed out
                yield held.pop()

    def _runs(self, selected: range) -> Iterator[range]:
        """Splits a sparse selection where whole groups of pictures between two wanted frames can be skipped."""
        start = 0
        for position in range(1, len(selected)) if self.index.seekable and selected.step > 1 else ():
            if self.index.key_before(selected[position]) > self.index.key_before(selected[position - 1]) + 1:
                yield selected[start:position]
                start = position
        yield selected[start:]

    def _decode_run(self, run: range) -> Iterator[tuple[int, av.VideoFrame]]:
        if not run:
            return
        with open_video(self._path, label=self._label) as (container, stream):
            position = -1
            for frame in self._decode(container, stream, run[0]):
                if self.index.seekable:
                    found = None if frame.pts is None else self.index.find(frame.pts)
                    if found is None:
                        continue
                    position = found
                else:
                    position += 1
                if position > run[-1]:
                    return
                if position in run:
                    yield position, frame
                if position == run[-1]:
                    return

    def _decode(
        self, container: av.container.InputContainer, stream: av.video.stream.VideoStream, first: int
    ) -> Iterator[av.VideoFrame]:
        for packet in self._packets(container, stream, first):
            check_wanted(self._wanted)
            if packet is not None and packet.is_corrupt:
                continue
            try:
                frames = stream.codec_context.decode(packet)
            except av.FFmpegError:
                continue  # its frames will be missed; the next ones may be whole
            yield from frames

    def _packets(
        self, container: av.container.InputContainer, stream: av.video.stream.VideoStream, first: int
    ) -> Iterator["VideoPacket | None"]:
        """Packets from the key frame that frame `first` needs to the end, then None to flush the decoder."""
        key_pts = int(self.index.key_pts[self.index.key_before(first)]) if self.index.seekable else None
        if key_pts is None or self.index.key_before(first) == 0:
            yield from _from_key(container, stream, key_pts)
            yield None
            return
        packets = None
        try:
            container.seek(key_pts, stream=stream, backward=True)
            packets = _peeked(_from_key(container, stream, key_pts))
        except av.FFmpegError:
            pass
        if packets is not None:
            yield from packets
        else:  # no index to seek by, or it points past the key frame: pass by what is not needed, without decoding it
            with open_video(self._path, label=self._label) as (again, other):
                yield from _from_key(again, other, key_pts)
        yield None

    def _look(self) -> VideoLayout:
        """With what the first frame that can be decoded says.

        Asked once: a frame whose side data was looked at stays in memory until the next garbage collection.
        """
        with open_video(self._path, label=self._label) as (container, stream):
            for frame in self._decode(container, stream, 0):
                return VideoLayout(
                    index=self.index, orientation=_orientation(frame), stored_size=(frame.width, frame.height)
                )
        count = self.index.frame_count
        raise video_errors.damaged(self._label, 0, count, count)


class _Missing:
    def __init__(self, start: ResumePoint) -> None:
        self.first = start.first_missing if start.missing else None
        self.count = start.missing

    def add(self, indexes: range) -> None:
        if indexes and self.first is None:
            self.first = indexes[0]
        self.count += len(indexes)


def _from_key(
    container: av.container.InputContainer, stream: av.video.stream.VideoStream, key_pts: int | None
) -> Iterator[VideoPacket]:
    """Packets from the key frame at `key_pts` on; from the first key frame for None. Nothing where it is not there."""
    started = False
    try:
        for packet in container.demux(stream):
            if packet.size == 0:
                continue
            started = started or (packet.is_keyframe and key_pts in (None, packet.pts))
            if started:
                yield packet
    except av.FFmpegError:
        return  # the rest of the file cannot be read; what is missing will be told


def _peeked(packets: Iterator[VideoPacket]) -> Iterator[VideoPacket] | None:
    first = next(packets, None)
    return None if first is None else _chain(first, packets)


def _chain(first: VideoPacket, rest: Iterator[VideoPacket]) -> Iterator[VideoPacket]:
    yield first
    yield from rest


def _orientation(frame: av.VideoFrame) -> Orientation:
    matrix = frame.side_data.get("DISPLAYMATRIX")
    return Orientation() if matrix is None else Orientation.from_display_matrix(bytes(cast(SupportsBytes, matrix)))
