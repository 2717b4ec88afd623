"""A TCP proxy whose connections break."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class BreakingProxy:
    """Forwards to `target` (host:port); each of the first `breaks` connections is cut after `after_bytes` bytes."""

    def __init__(self, target: str, *, breaks: int, after_bytes: int) -> None:
        host, _, port = target.rpartition(":")
        self._target = (host, int(port))
        self._breaks = breaks
        self._after_bytes = after_bytes
        self._server = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._server.getsockname()[1]}"
        self.broken = 0
        self.forwarded_bytes = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Takes no more connections."""
        self._server.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._server.accept()
                far = socket.create_connection(self._target)
                threading.Thread(target=self._forward, args=(near, far, True), daemon=True).start()
                threading.Thread(target=self._forward, args=(far, near, False), daemon=True).start()

    def _forward(self, source: socket.socket, sink: socket.socket, counted: bool) -> None:
        passed = 0
        with suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
                passed += len(data)
                if counted:
                    self.forwarded_bytes += len(data)
                    if passed > self._after_bytes and self.broken < self._breaks:
                        self.broken += 1
                        break
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


@contextmanager
def breaking_proxy(target: str, *, breaks: int, after_bytes: int) -> Iterator[BreakingProxy]:
    """A proxy until the block ends."""
    proxy = BreakingProxy(target, breaks=breaks, after_bytes=after_bytes)
    try:
        yield proxy
    finally:
        proxy.close()
