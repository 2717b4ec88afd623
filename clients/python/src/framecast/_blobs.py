"""Bytes to and from the object store: known ones are not sent again, a broken connection costs only its last chunk."""

import hashlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from framecast import names
from framecast._connection import Connection, request_id
from framecast._files import missing_file
from framecast._progress import Progress, ProgressCallback, silent
from framecast.errors import DataLossError, OutOfRangeError, UnavailableError
from framecast.v1 import blob_pb2, blob_service_pb2

PUT_LIMIT_BYTES = 3 * 1024 * 1024
"""Larger blobs take a resumable upload."""
CHUNK_BYTES = 1024 * 1024
THREADS = 4
_ASK_AT_ONCE = 10_000
_ATTEMPTS = 8
_READ_TIMEOUT_S = 60.0


@dataclass(frozen=True)
class LocalBlob:
    """Bytes that lie in a file, or in memory."""

    sha256: str
    size_bytes: int
    path: Path | None = None
    data: bytes = b""

    def read(self, offset: int, length: int) -> bytes:
        """`length` bytes from `offset`."""
        if self.path is None:
            return self.data[offset : offset + length]
        with self.path.open("rb") as file:
            file.seek(offset)
            return file.read(length)


def local_blob(source: Path | bytes) -> LocalBlob:
    """Hashes a file in chunks, or bytes."""
    if isinstance(source, bytes):
        return LocalBlob(hashlib.sha256(source).hexdigest(), len(source), data=source)
    try:
        with source.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256")
    except (FileNotFoundError, IsADirectoryError):
        raise missing_file(source) from None
    return LocalBlob(digest.hexdigest(), source.stat().st_size, path=source)


class Blobs:
    """Uploads for the other collections."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def upload_all(self, blobs: Sequence[LocalBlob], *, progress: ProgressCallback = silent) -> dict[str, str]:
        """Sends what the project does not have yet, four at a time; blob names by SHA-256."""
        wanted = {blob.sha256: blob for blob in blobs}
        missing = self._missing(list(wanted))
        total = sum(wanted[sha256].size_bytes for sha256 in missing)
        counter = ByteCounter("uploading", total, progress)
        with ThreadPoolExecutor(THREADS, thread_name_prefix="upload") as pool:
            tasks = [pool.submit(self._send, wanted[sha256], counter.add) for sha256 in missing]
            try:
                for task in tasks:
                    task.result()
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        project = self._connection.project
        return {sha256: names.BLOB.format(project=project, sha256=sha256) for sha256 in wanted}

    def upload(self, source: Path | bytes, *, progress: ProgressCallback = silent) -> str:
        """Sends one blob unless the project has it; its name."""
        blob = local_blob(source)
        return self.upload_all([blob], progress=progress)[blob.sha256]

    def read(self, sha256: str) -> bytes:
        """All bytes of a small blob."""
        name = names.BLOB.format(project=self._connection.project, sha256=sha256)
        request = blob_service_pb2.ReadBlobRequest(name=name)
        return b"".join(part.data for part in self._connection.blobs.ReadBlob(request, timeout=_READ_TIMEOUT_S))

    def download(self, sha256: str, target: Path, *, on_bytes: Callable[[int], None] = lambda count: None) -> None:
        """Writes a blob to a file, which appears only when it is whole; goes on where an earlier try stopped.

        Raises NotFoundError for an unknown blob, DataLossError where the bytes do not hash to `sha256`.
        """
        name = names.BLOB.format(project=self._connection.project, sha256=sha256)
        size = self._connection.blobs.GetBlob(blob_service_pb2.GetBlobRequest(name=name)).size_bytes
        part = target.with_name(f"{target.name}.{sha256[:12]}.part")
        with part.open("ab") as file:
            on_bytes(file.tell())
            failures = 0
            while file.tell() < size:
                request = blob_service_pb2.ReadBlobRequest(name=name, offset_bytes=file.tell())
                try:
                    for chunk in self._connection.blobs.ReadBlob(request, timeout=_transfer_timeout(size)):
                        file.write(chunk.data)
                        on_bytes(len(chunk.data))
                        failures = 0
                except UnavailableError:
                    failures += 1
                    if failures >= _ATTEMPTS:
                        raise
                    time.sleep(min(0.25 * 2**failures, 5.0))
        if local_blob(part).sha256 != sha256:
            part.unlink()
            raise DataLossError(f"{target}: the bytes are not those of blob {sha256}; try again", file=target)
        part.replace(target)

    def _missing(self, sha256s: list[str]) -> list[str]:
        missing: list[str] = []
        for start in range(0, len(sha256s), _ASK_AT_ONCE):
            request = blob_service_pb2.FindMissingBlobsRequest(
                parent=self._connection.parent, sha256s=sha256s[start : start + _ASK_AT_ONCE]
            )
            missing += self._connection.blobs.FindMissingBlobs(request).missing_sha256s
        return missing

    def _send(self, blob: LocalBlob, on_bytes: Callable[[int], None]) -> None:
        if blob.size_bytes > PUT_LIMIT_BYTES:
            self._send_resumable(blob, on_bytes)
            return
        data = blob.read(0, blob.size_bytes)
        request = blob_service_pb2.PutBlobRequest(parent=self._connection.parent, sha256=blob.sha256, data=data)
        self._connection.blobs.PutBlob(request)
        on_bytes(blob.size_bytes)

    def _send_resumable(self, blob: LocalBlob, on_bytes: Callable[[int], None]) -> None:
        service = self._connection.blobs
        upload = service.CreateUpload(
            blob_service_pb2.CreateUploadRequest(
                parent=self._connection.parent,
                upload=blob_pb2.Upload(size_bytes=blob.size_bytes, sha256=blob.sha256),
                request_id=request_id(),
            )
        )
        counted, failures = 0, 0
        while not upload.blob:
            before = upload.committed_bytes
            try:
                upload = service.WriteUpload(self._chunks(upload, blob), timeout=_transfer_timeout(blob.size_bytes))
            except (UnavailableError, OutOfRangeError):
                failures += 1
                if failures >= _ATTEMPTS:
                    raise
                time.sleep(min(0.25 * 2**failures, 5.0))
                upload = service.GetUpload(blob_service_pb2.GetUploadRequest(name=upload.name))
            if upload.committed_bytes > before:
                failures = 0
            elif not upload.blob:
                failures += 1
                if failures >= _ATTEMPTS:
                    raise DataLossError(f"the upload of {blob.path or 'bytes'} makes no progress", upload=upload.name)
            on_bytes(upload.committed_bytes - counted)
            counted = upload.committed_bytes
        on_bytes(blob.size_bytes - counted)

    def _chunks(self, upload: blob_pb2.Upload, blob: LocalBlob) -> Iterator[blob_service_pb2.WriteUploadRequest]:
        # Where all bytes are there but the end was not heard, one empty message finishes the upload.
        offsets = range(upload.committed_bytes, blob.size_bytes, CHUNK_BYTES) or [upload.committed_bytes]
        for offset in offsets:
            yield blob_service_pb2.WriteUploadRequest(
                name=upload.name, offset_bytes=offset, data=blob.read(offset, CHUNK_BYTES)
            )


def _transfer_timeout(size_bytes: int) -> float:
    """Seconds: a link of 100 kB/s is slow, one that is slower is broken."""
    return 60.0 + size_bytes / 100_000


class ByteCounter:
    """Adds up bytes from several threads and tells how far the whole is."""

    def __init__(self, phase: str, total: int, progress: ProgressCallback) -> None:
        self._phase = phase
        self._total = total
        self._progress = progress
        self._done = 0
        self._lock = threading.Lock()

    def add(self, count: int) -> None:
        """`count` more bytes are through."""
        with self._lock:
            self._done += count
            self._progress(Progress(self._phase, self._done, self._total, "bytes"))
