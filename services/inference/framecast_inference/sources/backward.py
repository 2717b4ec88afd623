"""A video from its end: groups of pictures decoded forward, handed out in reverse."""

from collections.abc import Iterator

from framecast_inference.sources.video_index import VideoIndex

_HELD_BYTES = 256 * 1024**2


def held_frames(width: int, height: int) -> int:
    """How many decoded frames (12 bits per pixel) may be held at a time; at least one."""
    return max(1, _HELD_BYTES // max(1, width * height * 3 // 2))


def backward_chunks(index: VideoIndex, selected: range, most: int) -> Iterator[range]:
    """Cuts a falling selection into rising ranges, the last one first.

    Each lies within one group of pictures and has at most `most` frames: of a longer group the end is decoded first,
    and the group from its key frame again for what is before, so that memory stays bounded.
    """
    stop = 0
    while stop < len(selected):
        start, group = stop, _group(index, selected[stop])
        while stop < len(selected) and stop - start < most and _group(index, selected[stop]) == group:
            stop += 1
        yield selected[start:stop][::-1]


def _group(index: VideoIndex, frame: int) -> int:
    return index.key_before(frame) if index.seekable else 0
