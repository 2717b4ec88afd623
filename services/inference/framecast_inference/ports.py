"""What prediction needs from outside: the registry and bytes."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from framecast.v1.asset_pb2 import Asset
from framecast.v1.model_bundle_pb2 import ModelBundle
from framecast.v1.model_pb2 import ModelVersion


class Registry(Protocol):
    """What exists. Every method raises NotFoundError for a name that does not."""

    def trained_bundle(self, model_version: str) -> str:
        """SHA-256 of a version's manifest; FailedPreconditionError, telling the state, unless it is TRAINED."""

    def asset(self, name: str) -> Asset:
        """A stored picture or video."""

    def blob_size(self, name: str) -> int:
        """Length of a stored blob in bytes."""

    def add_trained_version(
        self, model: str, manifest: ModelBundle, bundle_sha256: str, *, request_id: str
    ) -> ModelVersion:
        """Registers a version, and its model where it is missing, that points at a manifest already stored.

        It is there, and TRAINED, or nothing is.
        """


class ModelListing(Protocol):
    """Which models there are."""

    def models(self) -> Iterator[str]:
        """Names of all models, project by project."""

    def model_versions(self, model: str) -> Iterator[ModelVersion]:
        """All versions of a model, the newest first. Raises NotFoundError."""

    def latest_trained_version(self, model: str) -> str:
        """The newest version that can be asked; empty where there is none. Raises NotFoundError."""


class Blobs(Protocol):
    """Bytes by their SHA-256, checked as they are read."""

    def read(self, sha256: str) -> bytes:
        """All bytes. Raises DataLossError where they are missing or are not what the digest says."""

    def write(self, data: bytes) -> str:
        """Stores bytes and returns their SHA-256."""

    def as_file(self, sha256: str) -> AbstractContextManager[Path]:
        """A local file with the bytes, for as long as the context lasts. Raises DataLossError where they are missing.

        Large files are not hashed again; they were when they were stored.
        """


class UploadSpool(Protocol):
    """Takes in what a caller streams."""

    def receive(self, chunks: Iterator[bytes]) -> AbstractContextManager[Path]:
        """A local file of the chunks, removed when the context ends, however it ends.

        Raises ResourceExhaustedError beyond the size limit.
        """
