"""Blobs: who may read which bytes."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from framecast.errors import DataLossError, InvalidArgumentError, NotFoundError, OutOfRangeError
from framecast.names import check_sha256
from framecast_registry.domain import Blob
from framecast_registry.ports import ByteStore, MetadataStore, Transaction
from framecast_registry.projects import require_project
from framecast_runtime.object_store import blob_path

MAX_PUT_BYTES = 3 * 1024**2
MAX_DIGESTS = 10_000

_LOOKS_AT_ONCE = 16


def require_blob(tx: Transaction, project_id: str, sha256: str) -> Blob:
    """The project's blob. Raises NotFoundError, whatever other projects have."""
    blob = tx.blobs.get(project_id, sha256)
    if blob is None:
        raise NotFoundError(
            f"project {project_id!r} has no blob {sha256}; upload its bytes first",
            reason="BLOB_NOT_FOUND",
            project=project_id,
            sha256=sha256,
        )
    return blob


def is_stored(bytes_: ByteStore, sha256: str, size_bytes: int) -> bool:
    """Whether the object store has the bytes of this digest, whoever put them there."""
    return bytes_.size(blob_path(sha256)) == size_bytes


class Blobs:
    def __init__(self, store: MetadataStore, bytes_: ByteStore, now: Callable[[], datetime]) -> None:
        self._store = store
        self._bytes = bytes_
        self._now = now

    def missing(self, project_id: str, sha256s: Sequence[str]) -> list[str]:
        """Those of the digests whose bytes the project does not have, in the order asked.

        A blob whose object is gone from the object store, or has another size, is missing too: it can be sent again.
        """
        if len(sha256s) > MAX_DIGESTS:
            raise InvalidArgumentError(
                f"sha256s may hold at most {MAX_DIGESTS} digests, got {len(sha256s)}; ask in several calls",
                reason="TOO_MANY_DIGESTS",
                field="sha256s",
                count=len(sha256s),
            )
        for index, sha256 in enumerate(sha256s):
            check_sha256(sha256, field=f"sha256s[{index}]")
        with self._store.snapshot() as tx:
            require_project(tx, project_id)
            sizes = tx.blobs.sizes(project_id, set(sha256s))
        stored = self._stored(sizes)
        return [sha256 for sha256 in sha256s if sha256 not in stored]

    def put(self, project_id: str, sha256: str, data: bytes) -> Blob:
        """Stores a small blob. Raises InvalidArgumentError where it is too big or hashes to something else."""
        check_sha256(sha256, field="sha256")
        if len(data) > MAX_PUT_BYTES:
            raise InvalidArgumentError(
                f"data has {len(data)} bytes, more than {MAX_PUT_BYTES}; use CreateUpload",
                reason="BLOB_TOO_LARGE",
                field="data",
                size_bytes=len(data),
                limit_bytes=MAX_PUT_BYTES,
            )
        actual = hashlib.sha256(data).hexdigest()
        if actual != sha256:
            raise InvalidArgumentError(
                f"data hashes to {actual}, not to {sha256}; send the bytes that the digest was taken of",
                reason="DIGEST_MISMATCH",
                field="data",
                sha256=sha256,
                actual_sha256=actual,
            )
        with self._store.snapshot() as tx:
            require_project(tx, project_id)
            known = tx.blobs.get(project_id, sha256)
        if known is not None and is_stored(self._bytes, sha256, len(data)):
            return known
        self._bytes.put(blob_path(sha256), data)
        with self._store.transaction() as tx:
            tx.blobs.add(Blob(project_id, sha256, len(data), self._now()))
            return require_blob(tx, project_id, sha256)

    def get(self, project_id: str, sha256: str) -> Blob:
        """Raises NotFoundError."""
        with self._store.snapshot() as tx:
            return require_blob(tx, project_id, check_sha256(sha256, field="name"))

    def read(self, project_id: str, sha256: str, offset: int, limit: int) -> Iterator[tuple[int, bytes]]:
        """Chunks with their offsets, from `offset`, at most `limit` bytes (0: to the end)."""
        for field, value in (("offset_bytes", offset), ("limit_bytes", limit)):
            if value < 0:
                raise InvalidArgumentError(
                    f"{field} must not be negative, got {value}", reason="RANGE_INVALID", field=field, value=value
                )
        blob = self.get(project_id, sha256)
        if offset > blob.size_bytes:
            raise OutOfRangeError(
                f"offset_bytes {offset} lies beyond the {blob.size_bytes} bytes of blob {sha256}",
                reason="OFFSET_BEYOND_END",
                offset_bytes=offset,
                size_bytes=blob.size_bytes,
            )
        end = blob.size_bytes if limit == 0 else min(offset + limit, blob.size_bytes)
        try:
            for chunk in self._bytes.chunks(blob_path(sha256), start=offset, end=end):
                yield offset, chunk
                offset += len(chunk)
        except NotFoundError:
            raise DataLossError(
                f"the bytes of blob {sha256} are gone from the object store; upload them again",
                reason="BLOB_BYTES_MISSING",
                sha256=sha256,
            ) from None

    def _stored(self, sizes: Mapping[str, int]) -> set[str]:
        def look(blob: tuple[str, int]) -> bool:
            return is_stored(self._bytes, *blob)

        with ThreadPoolExecutor(_LOOKS_AT_ONCE, thread_name_prefix="stored") as pool:  # each one may be a round trip
            return {sha256 for sha256, there in zip(sizes, pool.map(look, sizes.items()), strict=True) if there}
