"""Bundles: the manifest that a model version points at, and the files that the manifest lists."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from framecast.errors import FailedPreconditionError, InvalidArgumentError, NotFoundError
from framecast.names import check_sha256
from framecast_registry.domain import BundleFile, BundleManifest
from framecast_registry.ports import ByteStore
from framecast_runtime.object_store import blob_path

MAX_MANIFEST_BYTES = 64 * 1024**2

MANIFEST = "bundle.json"


@dataclass(frozen=True, slots=True)
class CheckedBundle:
    """A bundle of which every byte is there."""

    sha256: str
    manifest: BundleManifest
    sizes: Mapping[str, int]
    """Of every blob of the bundle by digest, the manifest's own among them."""


class ModelBundles:
    """`parse` reads a manifest; it raises InvalidArgumentError for bytes that are none."""

    def __init__(self, bytes_: ByteStore, parse: Callable[[bytes], BundleManifest]) -> None:
        self._bytes = bytes_
        self._parse = parse

    def check(self, sha256: str) -> CheckedBundle:
        """The bundle with this manifest.

        Raises FailedPreconditionError naming a file whose bytes are missing or of another size.
        """
        check_sha256(sha256, field="bundle")
        data = self._manifest_bytes(sha256)
        manifest = self._parse(data)
        sizes = {sha256: len(data)}
        for index, file in enumerate(manifest.files):
            _check_entry(file, f"{MANIFEST}: files[{index}]")
            self._require(file.path, file.sha256, file.size_bytes)
            sizes[file.sha256] = file.size_bytes
        return CheckedBundle(sha256, manifest, sizes)

    def _manifest_bytes(self, sha256: str) -> bytes:
        size = self._bytes.size(blob_path(sha256))
        if size is not None and size > MAX_MANIFEST_BYTES:
            raise InvalidArgumentError(
                f"bundle {sha256} has {size} bytes, too many for a {MANIFEST}; name the manifest, not a file of it",
                reason="BUNDLE_INVALID",
                field="bundle",
                sha256=sha256,
            )
        try:
            data = self._bytes.get(blob_path(sha256))
        except NotFoundError:
            raise _missing(MANIFEST, sha256) from None
        actual = hashlib.sha256(data).hexdigest()
        if actual != sha256:
            raise FailedPreconditionError(
                f"the stored bytes of {MANIFEST} hash to {actual}, not to {sha256}; store them again",
                reason="BUNDLE_FILE_DAMAGED",
                path=MANIFEST,
                sha256=sha256,
                actual_sha256=actual,
            )
        return data

    def _require(self, path: str, sha256: str, size_bytes: int) -> None:
        size = self._bytes.size(blob_path(sha256))
        if size is None:
            raise _missing(path, sha256)
        if size != size_bytes:
            raise FailedPreconditionError(
                f"{path} of the bundle has {size} bytes in the object store, {MANIFEST} says {size_bytes}; "
                "store it again",
                reason="BUNDLE_FILE_DAMAGED",
                path=path,
                sha256=sha256,
                size_bytes=size,
                expected_size_bytes=size_bytes,
            )


def _check_entry(file: BundleFile, where: str) -> None:
    path = PurePosixPath(file.path)
    if not file.path or path.is_absolute() or ".." in path.parts:
        raise InvalidArgumentError(
            f"{where}.path must be relative and without `..`, got {file.path!r}",
            reason="BUNDLE_INVALID",
            field="bundle",
            path=file.path,
        )
    check_sha256(file.sha256, field=f"{where}.sha256")


def _missing(path: str, sha256: str) -> FailedPreconditionError:
    return FailedPreconditionError(
        f"{path} of the bundle is not in the object store (sha256 {sha256}); store it, then complete the version",
        reason="BUNDLE_FILE_MISSING",
        path=path,
        sha256=sha256,
    )
