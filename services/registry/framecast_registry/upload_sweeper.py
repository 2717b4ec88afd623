"""Removes expired uploads: when the service starts, and every hour after."""

import logging
import threading

from framecast_registry.uploads import Uploads

log = logging.getLogger(__name__)

_INTERVAL_S = 3600.0


class UploadSweeper:
    """A thread of its own from `start` to `stop`; a sweep that fails is logged and tried again."""

    def __init__(self, uploads: Uploads, *, interval_s: float = _INTERVAL_S) -> None:
        self._uploads = uploads
        self._interval_s = interval_s
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="upload-sweeper", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Waits for a sweep in progress, a few seconds at the most."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5.0)

    def _run(self) -> None:
        while not self._stopped.is_set():
            try:
                self._uploads.sweep()
            except Exception:
                log.exception("upload_sweep_failed")
            self._stopped.wait(self._interval_s)
