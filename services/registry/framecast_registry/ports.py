"""What the use cases need from outside; adapters fill it in.

A transaction is seen whole or not at all, by everyone. Rows are found by their natural keys; `add` of a key that is
there already is a defect of the caller unless said otherwise.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from pathlib import Path
from typing import BinaryIO, Protocol

from framecast_registry.domain import (
    Asset,
    Blob,
    Dataset,
    DatasetItem,
    DatasetVersion,
    ImageProperties,
    Model,
    ModelVersion,
    PredictionPart,
    PredictionSet,
    Project,
    RequestRecord,
    Subset,
    Upload,
    VersionRef,
    VideoProperties,
)


class ProjectRows(Protocol):
    def get(self, project_id: str) -> Project | None: ...
    def add(self, project: Project) -> None: ...
    def page(self, after: str | None, limit: int) -> list[Project]:
        """By id, ascending."""


class BlobRows(Protocol):
    def get(self, project_id: str, sha256: str) -> Blob | None: ...
    def add(self, blob: Blob) -> None:
        """Changes nothing where the project has it already."""

    def sizes(self, project_id: str, sha256s: Collection[str]) -> Mapping[str, int]:
        """The size in bytes of those of these digests that the project has."""


class UploadRows(Protocol):
    def get(self, project_id: str, upload_id: str) -> Upload | None: ...
    def add(self, upload: Upload) -> None: ...
    def finish(self, project_id: str, upload_id: str) -> None: ...
    def remove(self, project_id: str, upload_id: str) -> None: ...
    def remove_expired(self, now: datetime) -> list[tuple[str, str]]:
        """The projects and ids of those removed."""

    def ids(self) -> set[str]:
        """Of all uploads of all projects."""


class AssetRows(Protocol):
    def get(self, project_id: str, sha256: str) -> Asset | None: ...
    def add(self, asset: Asset) -> None: ...
    def page(self, project_id: str, after: str | None, limit: int) -> list[Asset]:
        """By digest, ascending."""

    def find(self, project_id: str, sha256s: Collection[str]) -> Mapping[str, Asset]:
        """Those of these digests that the project has."""


class DatasetRows(Protocol):
    def get(self, project_id: str, dataset_id: str) -> Dataset | None: ...
    def add(self, dataset: Dataset) -> None: ...
    def remove(self, project_id: str, dataset_id: str) -> None:
        """With its versions, their items and their predictions."""

    def page(self, project_id: str, after: str | None, limit: int) -> list[Dataset]:
        """By id, ascending."""

    def version(self, project_id: str, dataset_id: str, number: int) -> DatasetVersion | None: ...
    def add_version(self, version: DatasetVersion, items: Iterable[Sequence[DatasetItem]]) -> None:
        """`items` come in batches, and are read once."""

    def versions(self, project_id: str, dataset_id: str, before: int | None, limit: int) -> list[DatasetVersion]:
        """By number, descending."""

    def items(self, version: DatasetVersion, subset: Subset | None, after: int, limit: int) -> list[DatasetItem]:
        """By position, ascending, from the one behind `after`."""


class ModelRows(Protocol):
    def get(self, project_id: str, model_id: str) -> Model | None: ...
    def add(self, model: Model) -> None: ...
    def page(self, project_id: str, after: str | None, limit: int) -> list[Model]:
        """By id, ascending."""

    def version(self, project_id: str, model_id: str, number: int) -> ModelVersion | None: ...
    def latest_number(self, project_id: str, model_id: str) -> int:
        """The highest version number given out; 0 where there is none."""

    def add_version(self, version: ModelVersion) -> None: ...
    def replace_version(self, version: ModelVersion) -> None: ...
    def versions(self, project_id: str, model_id: str, before: int | None, limit: int) -> list[ModelVersion]:
        """By number, descending."""

    def trained_on(self, project_id: str, dataset_id: str) -> ModelVersion | None:
        """A model version that refers to a version of the dataset, and has not FAILED."""

    def forget_dataset(self, project_id: str, dataset_id: str) -> None:
        """Takes the reference to any version of the dataset from every model version."""


class PredictionRows(Protocol):
    def get(self, project_id: str, version: VersionRef, set_id: str) -> PredictionSet | None: ...
    def add(self, row: PredictionSet, parts: Sequence[PredictionPart]) -> None:
        """The project has the blobs of all parts."""

    def remove(self, project_id: str, version: VersionRef, set_id: str) -> None:
        """With its parts; their blobs stay."""

    def page(self, project_id: str, version: VersionRef, after: str | None, limit: int) -> list[PredictionSet]:
        """By id, ascending."""

    def parts(self, row: PredictionSet, position: int) -> list[PredictionPart]:
        """In order, from the one with the result at `position` on."""


class RequestRows(Protocol):
    def get(self, scope: str, method: str, request_id: str) -> RequestRecord | None: ...
    def add(self, scope: str, method: str, request_id: str, record: RequestRecord) -> None: ...
    def remove(self, scope: str, method: str, result: str) -> None:
        """Forgets the calls that made this resource."""

    def remove_scope(self, scope: str) -> None:
        """Forgets the calls that made something below this parent."""

    def remove_older(self, time: datetime) -> None: ...


class Transaction(Protocol):
    @property
    def projects(self) -> ProjectRows: ...
    @property
    def blobs(self) -> BlobRows: ...
    @property
    def uploads(self) -> UploadRows: ...
    @property
    def assets(self) -> AssetRows: ...
    @property
    def datasets(self) -> DatasetRows: ...
    @property
    def models(self) -> ModelRows: ...
    @property
    def predictions(self) -> PredictionRows: ...
    @property
    def requests(self) -> RequestRows: ...

    def lock(self, key: str) -> None:
        """Waits until no other transaction holds this key; holds it to the end of this one."""


class MetadataStore(Protocol):
    def transaction(self) -> AbstractContextManager[Transaction]:
        """Reads and writes; rolled back where the block raises."""

    def snapshot(self) -> AbstractContextManager[Transaction]:
        """Only reads, and never waits for a writer."""


class ByteStore(Protocol):
    """The object store."""

    def put(self, path: str, data: bytes) -> None: ...
    def put_new(self, path: str, data: bytes) -> bool:
        """False, and nothing written, where there is such an object."""

    def put_chunks(self, path: str, chunks: Iterator[bytes]) -> None: ...
    def get(self, path: str) -> bytes: ...
    def get_range(self, path: str, start: int, length: int) -> bytes: ...
    def chunks(self, path: str, *, start: int = 0, end: int | None = None) -> Iterator[bytes]: ...
    def size(self, path: str) -> int | None: ...
    def delete(self, path: str) -> None: ...
    def list(self, prefix: str) -> Iterator[tuple[str, int]]: ...
    def remove_abandoned(self, older_than: timedelta) -> None:
        """Removes what killed writers left half-written."""

    def open(self, path: str) -> Path | BinaryIO:
        """Something that a decoder can seek in: a local file where there is one, else a reader."""


class MediaProbe(Protocol):
    def image(self, file: Path | BinaryIO, media_type: str, display_name: str) -> ImageProperties:
        """Decodes the whole picture. Raises InvalidArgumentError naming it."""

    def video(self, file: Path | BinaryIO, display_name: str) -> VideoProperties:
        """Reads the container and decodes the first frame. Raises InvalidArgumentError naming it."""
