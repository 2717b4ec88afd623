"""What is known of a video before any frame is asked for, and kept: to find it out, the whole container is read."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from framecast_bundle.orientation import Orientation
from framecast_inference.sources.video_index import VideoIndex, Wanted, check_wanted

_LOOK_EVERY_S = 0.1


@dataclass(frozen=True, eq=False, kw_only=True)
class VideoLayout:
    """A function of the file's bytes alone."""

    index: VideoIndex
    orientation: Orientation
    """How the frames are held."""
    stored_size: tuple[int, int]
    """Width and height of a frame before it is turned, in pixels."""

    @property
    def size_bytes(self) -> int:
        """What it weighs in memory, but for a constant."""
        return self.index.pts.nbytes + self.index.key_pts.nbytes


class VideoLayouts:
    """Layouts by the digest of their videos, at most `max_bytes` of them: the least recently asked for leave first.

    Safe from any number of threads. A video that several ask for at the same time is read once.
    """

    def __init__(self, max_bytes: int = 64 * 1024**2) -> None:
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._kept: OrderedDict[bytes, VideoLayout] = OrderedDict()
        self._bytes = 0
        self._readers: dict[bytes, _Reader] = {}

    def get(self, digest: bytes, read: Callable[[], VideoLayout], wanted: Wanted) -> VideoLayout:
        """The layout of a video, by `read` where it is not known. Raises what `read` raises, and CancelledError."""
        found = self._find(digest)
        if found is not None:
            return found
        with self._reading(digest, wanted):
            found = self._find(digest)  # another may have read it meanwhile
            if found is None:
                found = read()
                self._keep(digest, found)
            return found

    def _find(self, digest: bytes) -> VideoLayout | None:
        with self._lock:
            if digest in self._kept:
                self._kept.move_to_end(digest)
            return self._kept.get(digest)

    def _keep(self, digest: bytes, layout: VideoLayout) -> None:
        with self._lock:
            self._kept[digest] = layout
            self._bytes += layout.size_bytes
            while self._bytes > self._max_bytes:
                _, gone = self._kept.popitem(last=False)
                self._bytes -= gone.size_bytes

    @contextmanager
    def _reading(self, digest: bytes, wanted: Wanted) -> Iterator[None]:
        """One at a time for a video."""
        with self._lock:
            reader = self._readers.setdefault(digest, _Reader(threading.Lock()))
            reader.users += 1
        try:
            while not reader.turn.acquire(timeout=_LOOK_EVERY_S):
                check_wanted(wanted)
            try:
                yield
            finally:
                reader.turn.release()
        finally:
            with self._lock:
                reader.users -= 1
                if not reader.users:
                    del self._readers[digest]


@dataclass(eq=False)
class _Reader:
    turn: threading.Lock
    users: int = 0
