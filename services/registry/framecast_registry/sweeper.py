"""Removes what has expired: when the service starts, and every hour after."""

import logging
import threading
from collections.abc import Callable

log = logging.getLogger(__name__)

_INTERVAL_S = 3600.0


class Sweeper:
    """A thread of its own from `start` to `stop`; a sweep that fails is logged and tried again."""

    def __init__(self, *sweeps: Callable[[], None], interval_s: float = _INTERVAL_S) -> None:
        self._sweeps = sweeps
        self._interval_s = interval_s
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sweeper", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Waits for a sweep in progress, a few seconds at the most."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5.0)

    def _run(self) -> None:
        while not self._stopped.is_set():
            for sweep in self._sweeps:
                try:
                    sweep()
                except Exception:
                    log.exception("sweep_failed")
            self._stopped.wait(self._interval_s)
