"""Puts a bundle into the object store: every file under its digest, the manifest last."""

from collections.abc import Callable, Iterator
from pathlib import Path

from framecast_bundle import manifest as bundle_manifest
from framecast_runtime.object_store import ObjectStore, blob_path

_CHUNK_BYTES = 4 * 1024 * 1024


def upload_bundle(folder: Path, store: ObjectStore, check_stop: Callable[[], None] = lambda: None) -> str:
    """Returns the manifest's SHA-256; a blob that is there already is not written again.

    Raises DataLossError where a file is not the one that the manifest pins.
    """
    manifest = bundle_manifest.read(folder)
    bundle_manifest.check_files(folder, manifest.files)
    for file in manifest.files:
        check_stop()
        path = folder / file.path
        if store.size(blob_path(file.sha256)) != file.size_bytes:
            store.put_chunks(blob_path(file.sha256), _chunks(path))
    return store.put_blob((folder / bundle_manifest.MANIFEST_NAME).read_bytes())


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            yield chunk
