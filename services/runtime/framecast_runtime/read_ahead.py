"""An iterator drawn by a thread of its own, a few steps ahead.

obstore draws the chunks that it writes from within its own event loop, where a call back into obstore would fail: who
copies from one object to another has to read in another thread.
"""

import queue
import threading
from collections.abc import Iterator

_AHEAD = 4


class ReadAhead(Iterator[bytes]):
    """Gives what `source` gives; `error` is what it raised, if it did. Used within `with`."""

    def __init__(self, source: Iterator[bytes]) -> None:
        self._source = source
        self._ready: queue.Queue[bytes | None] = queue.Queue(_AHEAD)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._draw, name="read-ahead", daemon=True)
        self._ended = False
        self.error: Exception | None = None

    def __enter__(self) -> "ReadAhead":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()

    def __next__(self) -> bytes:
        chunk = None if self._ended else self._ready.get()
        if chunk is not None:
            return chunk
        self._ended = True
        if self.error is not None:
            raise self.error
        raise StopIteration

    def _draw(self) -> None:
        try:
            for chunk in self._source:
                if not self._offer(chunk):
                    return
        except Exception as error:
            self.error = error
        self._offer(None)

    def _offer(self, chunk: bytes | None) -> bool:
        while not self._stopped.is_set():
            try:
                self._ready.put(chunk, timeout=0.1)
                return True
            except queue.Full:
                continue
        return False
