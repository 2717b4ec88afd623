"""Files that live as long as a call, in a folder of this process."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from framecast.errors import ResourceExhaustedError


class SpoolFolder:
    """`<root>/<process id>/`. What a killed process left behind is removed when the next one starts."""

    def __init__(self, root: Path, *, max_upload_bytes: int) -> None:
        self._max_upload_bytes = max_upload_bytes
        root.mkdir(parents=True, exist_ok=True)
        for other in root.iterdir():
            if other.name.isdecimal() and not _runs(int(other.name)):
                shutil.rmtree(other, ignore_errors=True)
        self.path = root / str(os.getpid())
        self.path.mkdir(mode=0o700, exist_ok=True)

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


def _runs(process_id: int) -> bool:
    if process_id == os.getpid():  # as after a restart in a container, where we are always the same number
        return False
    with contextlib.suppress(PermissionError):
        try:
            os.kill(process_id, 0)
        except (ProcessLookupError, OverflowError):
            return False
    return True
