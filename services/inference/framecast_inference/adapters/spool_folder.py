"""Files that live as long as a call, in a folder of this process."""

import fcntl
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from framecast.errors import ResourceExhaustedError


class SpoolFolder:
    """`<root>/<process>/`, locked while its process lives, so that the next one removes what a killed one left."""

    def __init__(self, root: Path, *, max_upload_bytes: int) -> None:
        self._max_upload_bytes = max_upload_bytes
        root.mkdir(parents=True, exist_ok=True)
        for other in root.glob("*.lock"):
            _remove_if_abandoned(other)
        self.path = root / f"{os.getpid()}-{secrets.token_hex(4)}"
        # Locked before there is a folder, so that nobody ever finds a folder of ours unlocked.
        self._lock = _lock_of(self.path).open("w")
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        self.path.mkdir(mode=0o700)

    @contextmanager
    def receive(self, chunks: Iterator[bytes]) -> Iterator[Path]:
        """See `UploadSpool.receive`."""
        handle, name = tempfile.mkstemp(prefix="upload-", dir=self.path)
        try:
            size = 0
            with os.fdopen(handle, "wb") as file:
                for chunk in chunks:
                    size += len(chunk)
                    if size > self._max_upload_bytes:
                        raise ResourceExhaustedError(
                            f"the upload is longer than {self._max_upload_bytes} bytes; store it as an asset instead",
                            reason="UPLOAD_TOO_LARGE",
                            limit_bytes=self._max_upload_bytes,
                        )
                    file.write(chunk)
            yield Path(name)
        finally:
            os.unlink(name)

    def close(self) -> None:
        """Removes the folder with whatever is in it."""
        shutil.rmtree(self.path, ignore_errors=True)
        _lock_of(self.path).unlink(missing_ok=True)
        self._lock.close()


def _lock_of(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.lock")


def _remove_if_abandoned(lock: Path) -> None:
    try:
        with lock.open() as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if lock.with_suffix("").is_dir():  # else its process is about to make it
                shutil.rmtree(lock.with_suffix(""), ignore_errors=True)
                lock.unlink(missing_ok=True)
    except OSError:  # held by a living process, or removed by another that starts at the same time
        return
