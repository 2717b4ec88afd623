"""Layouts of videos: read once, kept within a bound."""

import threading
from fractions import Fraction

import numpy as np
import pytest

from framecast.errors import CancelledError, DataLossError
from framecast_bundle.orientation import Orientation
from framecast_inference.sources.video_index import VideoIndex, still_wanted
from framecast_inference.sources.video_layout import VideoLayout, VideoLayouts


def layout(frames: int = 10) -> VideoLayout:
    """Of 8 bytes per frame."""
    index = VideoIndex(
        time_base=Fraction(1, 25),
        pts=np.arange(frames, dtype=np.int64),
        key_pts=np.empty(0, np.int64),
        frame_count=frames,
        seekable=False,
    )
    return VideoLayout(index=index, orientation=Orientation(), stored_size=(4, 4))


class Reads:
    """Counts who is read."""

    def __init__(self) -> None:
        self.of: list[bytes] = []

    def __call__(self, digest: bytes, kept: VideoLayouts) -> VideoLayout:
        def read() -> VideoLayout:
            self.of.append(digest)
            return layout()

        return kept.get(digest, read, still_wanted)


def test_a_video_is_read_once() -> None:
    kept, reads = VideoLayouts(), Reads()
    assert reads(b"a", kept) is reads(b"a", kept)
    assert reads.of == [b"a"]


def test_the_least_recently_asked_for_leaves_beyond_the_bound() -> None:
    kept, reads = VideoLayouts(max_bytes=160), Reads()  # two of them
    for digest in (b"a", b"b", b"a", b"c"):
        reads(digest, kept)
    assert reads.of == [b"a", b"b", b"c"]
    reads(b"a", kept)
    reads(b"b", kept)
    assert reads.of == [b"a", b"b", b"c", b"b"]


def test_one_byte_less_keeps_one_less() -> None:
    kept, reads = VideoLayouts(max_bytes=159), Reads()
    for digest in (b"a", b"b", b"a"):
        reads(digest, kept)
    assert reads.of == [b"a", b"b", b"a"]


def test_several_at_the_same_time_read_once_and_who_is_not_wanted_does_not_wait() -> None:
    kept = VideoLayouts()
    reading, go_on = threading.Event(), threading.Event()
    reads = []

    def read() -> VideoLayout:
        reads.append(1)
        reading.set()
        assert go_on.wait(10)
        return layout()

    got: list[VideoLayout] = []
    threads = [
        threading.Thread(target=lambda: got.append(kept.get(b"a", read, still_wanted)), daemon=True) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    assert reading.wait(10)
    with pytest.raises(CancelledError):
        kept.get(b"a", read, lambda: False)
    go_on.set()
    for thread in threads:
        thread.join(10)
    assert len(reads) == 1
    assert len(got) == 4
    assert len(set(map(id, got))) == 1


def test_a_failure_is_told_and_not_kept() -> None:
    kept = VideoLayouts()

    def fail() -> VideoLayout:
        raise DataLossError("gone")

    with pytest.raises(DataLossError):
        kept.get(b"a", fail, still_wanted)
    assert kept.get(b"a", layout, still_wanted).index.frame_count == 10


def test_others_do_not_wait_for_a_slow_one() -> None:
    kept = VideoLayouts()
    reading, go_on = threading.Event(), threading.Event()

    def slow() -> VideoLayout:
        reading.set()
        assert go_on.wait(10)
        return layout()

    thread = threading.Thread(target=lambda: kept.get(b"slow", slow, still_wanted), daemon=True)
    thread.start()
    assert reading.wait(10)
    assert kept.get(b"quick", layout, still_wanted)
    go_on.set()
    thread.join(10)
