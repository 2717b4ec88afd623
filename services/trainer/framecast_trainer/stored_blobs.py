"""Blobs in the object store that all services share."""

from framecast_runtime.object_store import ObjectStore, blob_path


class StoredBlobs:
    """See `Blobs`."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def has(self, sha256: str) -> bool:
        """Whether these bytes are stored."""
        return self._store.size(blob_path(sha256)) is not None
