"""The object store that all services share: a local folder or an S3 bucket, by URL."""

import contextlib
import errno
import hashlib
import logging
import re
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO, cast
from urllib.parse import unquote, urlsplit

import obstore
from obstore.exceptions import AlreadyExistsError, GenericError
from obstore.store import LocalStore, MemoryStore, S3Store

from framecast.errors import InvalidArgumentError, NotFoundError, ResourceExhaustedError, UnavailableError
from framecast_runtime.range_reader import RangeReader
from framecast_runtime.read_ahead import ReadAhead

log = logging.getLogger(__name__)

_READ_CHUNK_BYTES = 1024 * 1024
_FULL = re.compile(rf"\(os error ({errno.ENOSPC}|{errno.EDQUOT})\)")
_STAGED = re.compile(r".+#\d+")


def blob_path(sha256: str) -> str:
    """Where the bytes with this digest lie."""
    return f"blobs/sha256/{sha256[:2]}/{sha256}"


class ObjectStore:
    """Named bytes. A `put` is whole or not at all; nothing is seen half-written."""

    def __init__(self, store: LocalStore | MemoryStore | S3Store, *, folder: Path | None = None) -> None:
        self._store = store
        self._folder = folder

    def put(self, path: str, data: bytes) -> None:
        """Writes an object, replacing one of the same path."""
        with _translated(path):
            obstore.put(self._store, path, data)

    def put_new(self, path: str, data: bytes) -> bool:
        """Writes an object unless there is one of the same path: of several writers exactly one gets True."""
        try:
            with _translated(path):
                obstore.put(self._store, path, data, mode="create", use_multipart=False)
        except AlreadyExistsError:
            return False
        return True

    def put_chunks(self, path: str, chunks: Iterator[bytes]) -> None:
        """Writes an object of any size from its parts in order, with bounded memory.

        Where `chunks` raises, nothing is written and the error is raised here.
        """
        with _translated(path), ReadAhead(chunks) as ahead:
            try:
                obstore.put(self._store, path, ahead)
            except Exception:
                if ahead.error is not None:
                    raise ahead.error from None
                raise

    def put_blob(self, data: bytes) -> str:
        """Writes bytes under their own digest, unless they are there; returns the SHA-256."""
        sha256 = hashlib.sha256(data).hexdigest()
        if self.size(blob_path(sha256)) != len(data):
            self.put(blob_path(sha256), data)
        return sha256

    def get(self, path: str) -> bytes:
        """All bytes of an object. Raises NotFoundError."""
        with _translated(path):
            return bytes(obstore.get(self._store, path).bytes())

    def get_range(self, path: str, start: int, length: int) -> bytes:
        """`length` bytes from `start`, which lies within the object; fewer at the end. Raises NotFoundError."""
        with _translated(path):
            return bytes(obstore.get_range(self._store, path, start=start, length=length))

    def chunks(self, path: str, *, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """The bytes from `start` to `end` in chunks of at most 1 MiB. Raises NotFoundError."""
        size = self.size(path)
        if size is None:
            raise _missing(path)
        stop = size if end is None else min(end, size)
        while start < stop:
            chunk = self.get_range(path, start, min(_READ_CHUNK_BYTES, stop - start))
            yield chunk
            start += len(chunk)

    def open(self, path: str) -> Path | BinaryIO:
        """Something to seek in: the file itself where the store is a folder, else a reader. Raises NotFoundError.

        The file is for reading only: whoever changes it breaks the promise of its digest.
        """
        size = self.size(path)
        if size is None:
            raise _missing(path)
        if self._folder is not None:
            return self._folder / path
        reader = RangeReader(lambda start, length: self.get_range(path, start, length), size)
        return cast(BinaryIO, reader)

    def size(self, path: str) -> int | None:
        """The object's length in bytes; None where there is no such object."""
        try:
            with _translated(path):
                return int(obstore.head(self._store, path)["size"])
        except NotFoundError:
            return None

    def delete(self, path: str) -> None:
        """Removes an object; one that is not there is no error."""
        with contextlib.suppress(NotFoundError), _translated(path):
            obstore.delete(self._store, path)

    def list(self, prefix: str) -> Iterator[tuple[str, int]]:
        """Paths and lengths of all objects below a prefix, in no particular order."""
        with _translated(prefix):
            batches = list(obstore.list(self._store, prefix=prefix))
        for batch in batches:
            for meta in batch:
                yield meta["path"], int(meta["size"])

    def remove_abandoned(self, older_than: timedelta) -> None:
        """Removes what killed writers left half-written, where the store is a folder; buckets have lifecycle rules."""
        if self._folder is None:
            return
        oldest = time.time() - older_than.total_seconds()
        for path in self._folder.rglob("*#*"):
            # the store writes to `<name>#<number>` beside the object, then renames; it lists no such name
            with contextlib.suppress(FileNotFoundError):
                if _STAGED.fullmatch(path.name) and path.is_file() and path.stat().st_mtime < oldest:
                    path.unlink()


def open_object_store(url: str) -> ObjectStore:
    """Opens `file:///folder` (created where missing), `memory://` or `s3://bucket/prefix`.

    S3 credentials, region and endpoint come from the environment, as `AWS_ACCESS_KEY_ID`, `AWS_ENDPOINT` and so on.
    Raises InvalidArgumentError for another scheme.
    """
    parts = urlsplit(url)
    if parts.scheme == "file":
        folder = Path(unquote(parts.path)).absolute()
        folder.mkdir(parents=True, exist_ok=True)
        return ObjectStore(LocalStore(prefix=folder), folder=folder)
    if parts.scheme == "memory":
        return ObjectStore(MemoryStore())
    if parts.scheme == "s3":
        return ObjectStore(S3Store(parts.netloc, prefix=parts.path.strip("/") or None))
    raise InvalidArgumentError(
        f"object store URL must start with file://, s3:// or memory://, got {url!r}",
        reason="OBJECT_STORE_URL_INVALID",
        field="object_store_url",
        value=url,
    )


@contextlib.contextmanager
def _translated(path: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise _missing(path) from None
    except (GenericError, OSError) as error:
        if _FULL.search(str(error)):
            raise ResourceExhaustedError(
                "the disk of the object store is full; make room on it", reason="OBJECT_STORE_FULL", path=path
            ) from error
        if isinstance(error, OSError):
            raise
        log.exception("object_store_failed", extra={"path": path})
        raise UnavailableError(
            "the object store cannot be reached; try again", reason="OBJECT_STORE_UNAVAILABLE", path=path
        ) from error


def _missing(path: str) -> NotFoundError:
    return NotFoundError(f"the object store has no {path!r}", reason="OBJECT_NOT_FOUND", path=path)
