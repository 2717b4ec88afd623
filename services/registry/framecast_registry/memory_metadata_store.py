"""Metadata in memory: for tests, and as the plainest statement of what the ports mean."""

import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from itertools import islice
from typing import TypeVar

from framecast_registry.domain import (
    Asset,
    Blob,
    Dataset,
    DatasetItem,
    DatasetVersion,
    Model,
    ModelState,
    ModelVersion,
    PredictionPart,
    PredictionSet,
    Project,
    RequestRecord,
    Subset,
    Upload,
    VersionRef,
)

V = TypeVar("V")
Key = tuple[str, ...]
VersionKey = tuple[str, str, int]
SetKey = tuple[str, str, int, str]


@dataclass
class _Tables:
    projects: dict[str, Project] = field(default_factory=dict)
    blobs: dict[Key, Blob] = field(default_factory=dict)
    uploads: dict[Key, Upload] = field(default_factory=dict)
    assets: dict[Key, Asset] = field(default_factory=dict)
    datasets: dict[Key, Dataset] = field(default_factory=dict)
    dataset_versions: dict[VersionKey, DatasetVersion] = field(default_factory=dict)
    items: dict[VersionKey, list[DatasetItem]] = field(default_factory=dict)
    models: dict[Key, Model] = field(default_factory=dict)
    model_versions: dict[VersionKey, ModelVersion] = field(default_factory=dict)
    predictions: dict[SetKey, PredictionSet] = field(default_factory=dict)
    prediction_parts: dict[SetKey, list[PredictionPart]] = field(default_factory=dict)
    requests: dict[Key, RequestRecord] = field(default_factory=dict)

    def copy(self) -> "_Tables":
        return _Tables(**{table.name: dict(getattr(self, table.name)) for table in fields(self)})


class MemoryMetadataStore:
    """One transaction at a time; a snapshot sees the last committed state."""

    def __init__(self) -> None:
        self._tables = _Tables()
        self._writing = threading.Lock()

    @contextmanager
    def transaction(self) -> Iterator["MemoryTransaction"]:
        with self._writing:
            tables = self._tables.copy()
            yield MemoryTransaction(tables)
            self._tables = tables

    @contextmanager
    def snapshot(self) -> Iterator["MemoryTransaction"]:
        yield MemoryTransaction(self._tables)


class MemoryTransaction:
    def __init__(self, tables: _Tables) -> None:
        self.projects = _Projects(tables)
        self.blobs = _Blobs(tables)
        self.uploads = _Uploads(tables)
        self.assets = _Assets(tables)
        self.datasets = _Datasets(tables)
        self.models = _Models(tables)
        self.predictions = _Predictions(tables)
        self.requests = _Requests(tables)

    def lock(self, key: str) -> None:
        """Nothing to wait for: there is one transaction at a time."""


class _Rows:
    def __init__(self, tables: _Tables) -> None:
        self._tables = tables


class _Projects(_Rows):
    def get(self, project_id: str) -> Project | None:
        return self._tables.projects.get(project_id)

    def add(self, project: Project) -> None:
        _add(self._tables.projects, project.project_id, project)

    def page(self, after: str | None, limit: int) -> list[Project]:
        keys = sorted(key for key in self._tables.projects if after is None or key > after)
        return [self._tables.projects[key] for key in keys[:limit]]


class _Blobs(_Rows):
    def get(self, project_id: str, sha256: str) -> Blob | None:
        return self._tables.blobs.get((project_id, sha256))

    def add(self, blob: Blob) -> None:
        self._tables.blobs.setdefault((blob.project_id, blob.sha256), blob)

    def sizes(self, project_id: str, sha256s: Collection[str]) -> Mapping[str, int]:
        found = ((sha256, self.get(project_id, sha256)) for sha256 in sha256s)
        return {sha256: blob.size_bytes for sha256, blob in found if blob is not None}


class _Uploads(_Rows):
    def get(self, project_id: str, upload_id: str) -> Upload | None:
        return self._tables.uploads.get((project_id, upload_id))

    def add(self, upload: Upload) -> None:
        _add(self._tables.uploads, (upload.project_id, upload.upload_id), upload)

    def finish(self, project_id: str, upload_id: str) -> None:
        key = (project_id, upload_id)
        self._tables.uploads[key] = replace(self._tables.uploads[key], finished=True)

    def remove(self, project_id: str, upload_id: str) -> None:
        self._tables.uploads.pop((project_id, upload_id), None)

    def remove_expired(self, now: datetime) -> list[tuple[str, str]]:
        expired = [upload for upload in self._tables.uploads.values() if upload.expire_time <= now]
        for upload in expired:
            self.remove(upload.project_id, upload.upload_id)
        return [(upload.project_id, upload.upload_id) for upload in expired]

    def ids(self) -> set[str]:
        return {upload.upload_id for upload in self._tables.uploads.values()}


class _Assets(_Rows):
    def get(self, project_id: str, sha256: str) -> Asset | None:
        return self._tables.assets.get((project_id, sha256))

    def add(self, asset: Asset) -> None:
        _add(self._tables.assets, (asset.project_id, asset.sha256), asset)

    def page(self, project_id: str, after: str | None, limit: int) -> list[Asset]:
        return _page(self._tables.assets, project_id, after, limit)

    def find(self, project_id: str, sha256s: Collection[str]) -> Mapping[str, Asset]:
        found = ((sha256, self.get(project_id, sha256)) for sha256 in sha256s)
        return {sha256: asset for sha256, asset in found if asset is not None}


class _Datasets(_Rows):
    def get(self, project_id: str, dataset_id: str) -> Dataset | None:
        dataset = self._tables.datasets.get((project_id, dataset_id))
        return dataset and self._with_latest(dataset)

    def add(self, dataset: Dataset) -> None:
        _add(self._tables.datasets, (dataset.project_id, dataset.dataset_id), dataset)

    def remove(self, project_id: str, dataset_id: str) -> None:
        self._tables.datasets.pop((project_id, dataset_id), None)
        for key in [key for key in self._tables.dataset_versions if key[:2] == (project_id, dataset_id)]:
            del self._tables.dataset_versions[key]
            del self._tables.items[key]
        for owner in [key for key in self._tables.predictions if key[:2] == (project_id, dataset_id)]:
            del self._tables.predictions[owner]
            del self._tables.prediction_parts[owner]

    def page(self, project_id: str, after: str | None, limit: int) -> list[Dataset]:
        return list(map(self._with_latest, _page(self._tables.datasets, project_id, after, limit)))

    def version(self, project_id: str, dataset_id: str, number: int) -> DatasetVersion | None:
        return self._tables.dataset_versions.get((project_id, dataset_id, number))

    def add_version(self, version: DatasetVersion, items: Iterable[Sequence[DatasetItem]]) -> None:
        key = (version.project_id, version.dataset_id, version.number)
        _add(self._tables.dataset_versions, key, version)
        self._tables.items[key] = [item for batch in items for item in batch]

    def versions(self, project_id: str, dataset_id: str, before: int | None, limit: int) -> list[DatasetVersion]:
        return _newest(self._tables.dataset_versions, project_id, dataset_id, before, limit)

    def items(self, version: DatasetVersion, subset: Subset | None, after: int, limit: int) -> list[DatasetItem]:
        items = self._tables.items[(version.project_id, version.dataset_id, version.number)]
        wanted = (item for item in items[after + 1 :] if subset is None or item.subset == subset)
        return list(islice(wanted, limit))

    def _with_latest(self, dataset: Dataset) -> Dataset:
        newest = self.versions(dataset.project_id, dataset.dataset_id, None, 1)
        return replace(dataset, latest_version=newest[0].number if newest else 0)


class _Models(_Rows):
    def get(self, project_id: str, model_id: str) -> Model | None:
        model = self._tables.models.get((project_id, model_id))
        return model and self._with_latest(model)

    def add(self, model: Model) -> None:
        _add(self._tables.models, (model.project_id, model.model_id), model)

    def page(self, project_id: str, after: str | None, limit: int) -> list[Model]:
        return list(map(self._with_latest, _page(self._tables.models, project_id, after, limit)))

    def version(self, project_id: str, model_id: str, number: int) -> ModelVersion | None:
        return self._tables.model_versions.get((project_id, model_id, number))

    def latest_number(self, project_id: str, model_id: str) -> int:
        newest = self.versions(project_id, model_id, None, 1)
        return newest[0].number if newest else 0

    def add_version(self, version: ModelVersion) -> None:
        _add(self._tables.model_versions, (version.project_id, version.model_id, version.number), version)

    def replace_version(self, version: ModelVersion) -> None:
        self._tables.model_versions[(version.project_id, version.model_id, version.number)] = version

    def versions(self, project_id: str, model_id: str, before: int | None, limit: int) -> list[ModelVersion]:
        return _newest(self._tables.model_versions, project_id, model_id, before, limit)

    def trained_on(self, project_id: str, dataset_id: str) -> ModelVersion | None:
        users = self._referring(project_id, dataset_id)
        return next((version for version in users if version.state != ModelState.FAILED), None)

    def forget_dataset(self, project_id: str, dataset_id: str) -> None:
        for version in self._referring(project_id, dataset_id):
            self.replace_version(replace(version, dataset_version=None))

    def _referring(self, project_id: str, dataset_id: str) -> list[ModelVersion]:
        versions = [row for row in self._tables.model_versions.values() if row.project_id == project_id]
        return [row for row in versions if row.dataset_version and row.dataset_version.dataset_id == dataset_id]

    def _with_latest(self, model: Model) -> Model:
        versions = self._tables.model_versions.values()
        trained = [
            version.number
            for version in versions
            if (version.project_id, version.model_id) == (model.project_id, model.model_id)
            and version.state == ModelState.TRAINED
        ]
        return replace(model, latest_trained_version=max(trained, default=0))


class _Predictions(_Rows):
    def get(self, project_id: str, version: VersionRef, set_id: str) -> PredictionSet | None:
        return self._tables.predictions.get((project_id, version.dataset_id, version.number, set_id))

    def add(self, row: PredictionSet, parts: Sequence[PredictionPart]) -> None:
        key = (row.project_id, row.dataset_version.dataset_id, row.dataset_version.number, row.set_id)
        _add(self._tables.predictions, key, row)
        self._tables.prediction_parts[key] = list(parts)

    def remove(self, project_id: str, version: VersionRef, set_id: str) -> None:
        key = (project_id, version.dataset_id, version.number, set_id)
        del self._tables.predictions[key]
        del self._tables.prediction_parts[key]

    def page(self, project_id: str, version: VersionRef, after: str | None, limit: int) -> list[PredictionSet]:
        owner = (project_id, version.dataset_id, version.number)
        keys = sorted(key for key in self._tables.predictions if key[:3] == owner and (after is None or key[3] > after))
        return [self._tables.predictions[key] for key in keys[:limit]]

    def parts(self, row: PredictionSet, position: int) -> list[PredictionPart]:
        key = (row.project_id, row.dataset_version.dataset_id, row.dataset_version.number, row.set_id)
        return [part for part in self._tables.prediction_parts[key] if part.position + part.result_count > position]


class _Requests(_Rows):
    def get(self, scope: str, method: str, request_id: str) -> RequestRecord | None:
        return self._tables.requests.get((scope, method, request_id))

    def add(self, scope: str, method: str, request_id: str, record: RequestRecord) -> None:
        _add(self._tables.requests, (scope, method, request_id), record)

    def remove(self, scope: str, method: str, result: str) -> None:
        self._remove(lambda key, record: (*key[:2], record.result) == (scope, method, result))

    def remove_scope(self, scope: str) -> None:
        self._remove(lambda key, _: key[0] == scope)

    def remove_older(self, time: datetime) -> None:
        self._remove(lambda _, record: record.create_time < time)

    def _remove(self, unwanted: Callable[[Key, RequestRecord], bool]) -> None:
        for key in [key for key, record in self._tables.requests.items() if unwanted(key, record)]:
            del self._tables.requests[key]


K = TypeVar("K", str, Key, VersionKey, SetKey)


def _add(table: dict[K, V], key: K, row: V) -> None:
    if key in table:
        raise ValueError(f"{key} is there already")
    table[key] = row


def _page(table: dict[Key, V], project_id: str, after: str | None, limit: int) -> list[V]:
    keys = sorted(key for key in table if key[0] == project_id and (after is None or key[1] > after))
    return [table[key] for key in keys[:limit]]


def _newest(table: dict[VersionKey, V], owner: str, parent: str, before: int | None, limit: int) -> list[V]:
    keys = sorted(
        (key for key in table if key[:2] == (owner, parent) and (before is None or key[2] < before)), reverse=True
    )
    return [table[key] for key in keys[:limit]]
