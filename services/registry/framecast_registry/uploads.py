"""Uploads: blobs that come in by parts and survive broken connections and killed servers.

A part is an object `uploads/<id>/<offset>`, written whole or not at all and never replaced. The parts that follow each
other without a gap from offset 0 are what is committed: no other record can disagree with the bytes.
"""

import contextlib
import hashlib
import uuid
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from framecast.errors import DataLossError, InvalidArgumentError, NotFoundError, OutOfRangeError
from framecast.names import check_sha256
from framecast_registry.blobs import is_stored
from framecast_registry.domain import Blob, Upload, UploadProgress
from framecast_registry.ports import ByteStore, MetadataStore, Transaction
from framecast_registry.projects import require_project
from framecast_registry.requests import Request
from framecast_runtime.object_store import blob_path

PART_BYTES = 8 * 1024**2
LIFETIME = timedelta(hours=24)

_FOLDER = "uploads"


class Uploads:
    def __init__(
        self, store: MetadataStore, bytes_: ByteStore, now: Callable[[], datetime], *, max_blob_bytes: int
    ) -> None:
        self._store = store
        self._bytes = bytes_
        self._now = now
        self._max_blob_bytes = max_blob_bytes

    def create(self, project_id: str, size_bytes: int, sha256: str, request_id: str) -> UploadProgress:
        """An upload; finished from the start where the project has the bytes or there are none."""
        check_sha256(sha256, field="upload.sha256")
        self._check_size(size_bytes, sha256)
        request = Request("CreateUpload", f"projects/{project_id}", request_id, size_bytes, sha256)
        stored = is_stored(self._bytes, sha256, size_bytes)  # before the transaction, which others wait for
        with self._store.transaction() as tx:
            require_project(tx, project_id)
            earlier = request.earlier_result(tx)
            if earlier is None:
                upload = self._new(tx, project_id, size_bytes, sha256, stored=stored)
                request.remember(tx, upload.upload_id, upload.create_time)
        if earlier is not None:
            return self.get(project_id, earlier)
        if size_bytes == 0 and not upload.finished:
            return self._finish(upload, digest=sha256)
        return UploadProgress(upload, upload.size_bytes if upload.finished else 0)

    def get(self, project_id: str, upload_id: str) -> UploadProgress:
        """Raises NotFoundError."""
        with self._store.snapshot() as tx:
            upload = _require_upload(tx, project_id, upload_id)
        return UploadProgress(upload, self._committed(upload))

    def write(self, project_id: str, upload_id: str, chunks: Iterator[tuple[int, bytes]]) -> UploadProgress:
        """Appends chunks (offset, data) that follow each other from the committed offset; finishes with the last byte.

        What came before an error or a broken connection is kept. Raises OutOfRangeError for another offset,
        DataLossError where the whole hashes to something else; then the upload is gone.
        """
        progress = self.get(project_id, upload_id)
        upload = progress.upload
        if upload.finished:
            return progress
        writer = _PartWriter(self._bytes, upload, progress.committed_bytes)
        try:
            for offset, data in chunks:
                writer.append(offset, data)
        finally:
            writer.flush()
        if writer.committed < upload.size_bytes:
            return UploadProgress(upload, writer.committed)
        return self._finish(upload, digest=writer.digest())

    def delete(self, project_id: str, upload_id: str) -> None:
        """Gives an upload up; a finished one's blob stays. Raises NotFoundError."""
        with self._store.transaction() as tx:
            _require_upload(tx, project_id, upload_id)
            tx.uploads.remove(project_id, upload_id)
            _forget_request(tx, project_id, upload_id)
        self._remove_parts(upload_id)

    def sweep(self) -> None:
        """Removes expired uploads, parts that belong to none, and what killed writers left half-written."""
        with self._store.transaction() as tx:
            for project_id, upload_id in tx.uploads.remove_expired(self._now()):
                _forget_request(tx, project_id, upload_id)
        stored = {path.split("/")[1] for path, _ in self._bytes.list(_FOLDER)}
        with self._store.snapshot() as tx:  # after the listing: a row is there before its first part
            known = tx.uploads.ids()
        for upload_id in stored - known:
            self._remove_parts(upload_id)
        self._bytes.remove_abandoned(LIFETIME)

    def _check_size(self, size_bytes: int, sha256: str) -> None:
        if size_bytes < 0 or size_bytes > self._max_blob_bytes:
            raise InvalidArgumentError(
                f"upload.size_bytes must be from 0 to {self._max_blob_bytes}, got {size_bytes}",
                reason="BLOB_TOO_LARGE" if size_bytes > 0 else "SIZE_INVALID",
                field="upload.size_bytes",
                size_bytes=size_bytes,
                limit_bytes=self._max_blob_bytes,
            )
        if size_bytes == 0 and sha256 != hashlib.sha256().hexdigest():
            raise InvalidArgumentError(
                f"upload.size_bytes is 0, but {sha256} is not the digest of no bytes; set size_bytes",
                reason="DIGEST_MISMATCH",
                field="upload.size_bytes",
                sha256=sha256,
            )

    def _new(self, tx: Transaction, project_id: str, size_bytes: int, sha256: str, *, stored: bool) -> Upload:
        known = tx.blobs.get(project_id, sha256)
        if known is not None and known.size_bytes != size_bytes:
            raise InvalidArgumentError(
                f"upload.size_bytes is {size_bytes}, but the blob {sha256} has {known.size_bytes} bytes",
                reason="SIZE_MISMATCH",
                field="upload.size_bytes",
                sha256=sha256,
                size_bytes=known.size_bytes,
            )
        start = self._now()
        upload = Upload(
            project_id=project_id,
            upload_id=uuid.uuid4().hex,
            sha256=sha256,
            size_bytes=size_bytes,
            create_time=start,
            expire_time=start + LIFETIME,
            finished=known is not None and stored,
        )
        tx.uploads.add(upload)
        return upload

    def _committed(self, upload: Upload) -> int:
        if upload.finished:
            return upload.size_bytes
        return _end_of_chain(dict(self._parts(upload.upload_id)))

    def _parts(self, upload_id: str) -> Iterator[tuple[int, int]]:
        for path, size in self._bytes.list(f"{_FOLDER}/{upload_id}"):
            with contextlib.suppress(ValueError):  # what another program left there is no part
                yield int(path.rsplit("/", 1)[1]), size

    def _finish(self, upload: Upload, digest: str | None) -> UploadProgress:
        try:
            actual = digest or self._hash(upload)
            if actual != upload.sha256:
                self.delete(upload.project_id, upload.upload_id)
                raise DataLossError(
                    f"the {upload.size_bytes} bytes sent hash to {actual}, not to {upload.sha256}; "
                    "the upload was removed, start it again",
                    reason="DIGEST_MISMATCH",
                    sha256=upload.sha256,
                    actual_sha256=actual,
                )
            if not is_stored(self._bytes, upload.sha256, upload.size_bytes):
                self._bytes.put_chunks(blob_path(upload.sha256), self._read(upload))
        except NotFoundError:  # another call finished it, or gave it up, and removed the parts
            progress = self.get(upload.project_id, upload.upload_id)
            if progress.upload.finished:
                return progress
            raise
        with self._store.transaction() as tx:
            _require_upload(tx, upload.project_id, upload.upload_id)
            tx.blobs.add(Blob(upload.project_id, upload.sha256, upload.size_bytes, self._now()))
            tx.uploads.finish(upload.project_id, upload.upload_id)
            finished = _require_upload(tx, upload.project_id, upload.upload_id)
        self._remove_parts(upload.upload_id)
        return UploadProgress(finished, finished.size_bytes)

    def _hash(self, upload: Upload) -> str:
        digest = hashlib.sha256()
        for chunk in self._read(upload):
            digest.update(chunk)
        return digest.hexdigest()

    def _read(self, upload: Upload) -> Iterator[bytes]:
        """The parts' bytes. Raises NotFoundError where one is gone."""
        offset = 0
        while offset < upload.size_bytes:
            for chunk in self._bytes.chunks(_part_path(upload.upload_id, offset)):
                yield chunk
                offset += len(chunk)

    def _remove_parts(self, upload_id: str) -> None:
        for path, _ in list(self._bytes.list(f"{_FOLDER}/{upload_id}")):
            self._bytes.delete(path)


class _PartWriter:
    """Gathers chunks into parts; holds at most one part and one message in memory."""

    def __init__(self, bytes_: ByteStore, upload: Upload, committed: int) -> None:
        self._bytes = bytes_
        self._upload = upload
        self._buffer = bytearray()
        self._hash = hashlib.sha256() if committed == 0 else None
        self.committed = committed

    def append(self, offset: int, data: bytes) -> None:
        expected = self.committed + len(self._buffer)
        if offset != expected:
            self.flush()
            raise _wrong_offset(self._upload, offset, self.committed)
        if offset + len(data) > self._upload.size_bytes:
            self.flush()
            raise OutOfRangeError(
                f"data ends at {offset + len(data)}, beyond the {self._upload.size_bytes} bytes of the upload; "
                f"{self.committed} bytes are committed",
                reason="UPLOAD_TOO_LONG",
                committed_bytes=self.committed,
                size_bytes=self._upload.size_bytes,
            )
        self._buffer += data
        while len(self._buffer) >= PART_BYTES:
            self._put(bytes(self._buffer[:PART_BYTES]))

    def flush(self) -> None:
        """Commits what was gathered."""
        if self._buffer:
            self._put(bytes(self._buffer))

    def digest(self) -> str | None:
        """The digest of all bytes, where all of them came through this writer."""
        return self._hash.hexdigest() if self._hash is not None else None

    def _put(self, part: bytes) -> None:
        rest = self._buffer[len(part) :]
        self._buffer = bytearray()  # a part that was not stored leaves a gap, and what follows must not fill it
        if not self._bytes.put_new(_part_path(self._upload.upload_id, self.committed), part):
            raise OutOfRangeError(
                f"another call wrote to this upload at {self.committed}; ask GetUpload where to go on",
                reason="UPLOAD_OFFSET_MISMATCH",
                offset_bytes=self.committed,
            )
        if self._hash is not None:
            self._hash.update(part)
        self.committed += len(part)
        self._buffer = rest


def _require_upload(tx: Transaction, project_id: str, upload_id: str) -> Upload:
    upload = tx.uploads.get(project_id, upload_id)
    if upload is None:
        raise NotFoundError(
            f"no upload {upload_id!r} in project {project_id!r}; it may have expired, start a new one",
            reason="UPLOAD_NOT_FOUND",
            project=project_id,
            upload=upload_id,
        )
    return upload


def _forget_request(tx: Transaction, project_id: str, upload_id: str) -> None:
    tx.requests.remove(f"projects/{project_id}", "CreateUpload", upload_id)


def _wrong_offset(upload: Upload, offset: int, committed: int) -> OutOfRangeError:
    return OutOfRangeError(
        f"offset_bytes is {offset}, but {committed} of {upload.size_bytes} bytes are committed; go on from there",
        reason="UPLOAD_OFFSET_MISMATCH",
        offset_bytes=offset,
        committed_bytes=committed,
    )


def _end_of_chain(parts: dict[int, int]) -> int:
    end = 0
    while parts.get(end, 0) > 0:
        end += parts[end]
    return end


def _part_path(upload_id: str, offset: int) -> str:
    return f"{_FOLDER}/{upload_id}/{offset:020d}"
