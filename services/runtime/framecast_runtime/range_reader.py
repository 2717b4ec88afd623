"""A stored object as a file that decoders can seek in, read by ranges as they go."""

import io
import os
from collections.abc import Callable
from typing import Any

_WINDOW_BYTES = 1024 * 1024


class RangeReader(io.RawIOBase):
    """Reads `size` bytes by `fetch(start, length)`, at most 1 MiB at a time, and keeps the last window."""

    def __init__(self, fetch: Callable[[int, int], bytes], size: int) -> None:
        super().__init__()
        self._fetch = fetch
        self._size = size
        self._position = 0
        self._window_start = 0
        self._window = b""

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence]
        if base + offset < 0:
            raise ValueError(f"cannot seek to {base + offset}, before the start")
        self._position = base + offset
        return self._position

    def read(self, size: int | None = -1) -> bytes:
        """Exactly `size` bytes, fewer only at the end; decoders take a short read for the end."""
        left = max(self._size - self._position, 0)
        wanted = left if size is None or size < 0 else min(size, left)
        pieces = []
        while wanted:
            piece = self._at_position(wanted)
            pieces.append(piece)
            self._position += len(piece)
            wanted -= len(piece)
        return b"".join(pieces)

    def readall(self) -> bytes:
        return self.read()

    def readinto(self, buffer: Any) -> int:
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def _at_position(self, wanted: int) -> bytes:
        offset = self._position - self._window_start
        if not 0 <= offset < len(self._window):
            length = min(_WINDOW_BYTES, self._size - self._position)
            self._window_start, self._window = self._position, self._fetch(self._position, length)
            offset = 0
            if not self._window:
                raise OSError(f"the object ended at {self._position}, before its {self._size} bytes")
        return self._window[offset : offset + wanted]
