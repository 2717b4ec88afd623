"""Blobs in the object store that all services share."""

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from framecast.errors import DataLossError, NotFoundError
from framecast_runtime.object_store import ObjectStore, blob_path


class StoredBlobs:
    """Reads straight from the store; a blob wanted as a file is copied to `spool` unless the store is a folder."""

    def __init__(self, store: ObjectStore, spool: Path) -> None:
        self._store = store
        self._spool = spool

    def read(self, sha256: str) -> bytes:
        """See `Blobs.read`."""
        try:
            data = self._store.get(blob_path(sha256))
        except NotFoundError:
            raise _missing(sha256) from None
        actual = hashlib.sha256(data).hexdigest()
        if actual != sha256:
            raise DataLossError(
                f"the object store holds other bytes than blob {sha256}; restore or upload them again",
                reason="BLOB_BYTES_DAMAGED",
                sha256=sha256,
                actual_sha256=actual,
            )
        return data

    def write(self, data: bytes) -> str:
        """See `Blobs.write`."""
        return self._store.put_blob(data)

    @contextmanager
    def as_file(self, sha256: str) -> Iterator[Path]:
        """See `Blobs.as_file`."""
        try:
            opened = self._store.open(blob_path(sha256))
        except NotFoundError:
            raise _missing(sha256) from None
        if isinstance(opened, Path):
            yield opened
            return
        opened.close()
        handle, name = tempfile.mkstemp(prefix="asset-", dir=self._spool)
        try:
            with os.fdopen(handle, "wb") as file:
                for chunk in self._store.chunks(blob_path(sha256)):
                    file.write(chunk)
            yield Path(name)
        finally:
            os.unlink(name)


def _missing(sha256: str) -> DataLossError:
    return DataLossError(
        f"the bytes of blob {sha256} are gone from the object store; upload them again",
        reason="BLOB_BYTES_MISSING",
        sha256=sha256,
    )
