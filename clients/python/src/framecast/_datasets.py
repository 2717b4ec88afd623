"""Datasets: imported with everything checked first, listed, shown, deleted."""

import builtins
import dataclasses
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from framecast import names
from framecast._assets import Assets
from framecast._blobs import LocalBlob
from framecast._connection import Connection, pages, persistently, request_id
from framecast._convert_datasets import (
    SUBSETS,
    annotation_to_proto,
    category_to_proto,
    dataset_from_proto,
    dataset_item_from_proto,
    dataset_version_from_proto,
)
from framecast._dataset_types import Dataset, DatasetItem, DatasetVersion, Subset
from framecast._progress import Progress, ProgressCallback, silent
from framecast.errors import FailedPreconditionError, InvalidArgumentError
from framecast.importers.labelled_set import LabelledSet
from framecast.importers.layout import ClassFolderLayout, CocoLayout, class_folder_layout, coco_layout, recognise
from framecast.importers.picture_check import CheckedPicture, check_pictures
from framecast.importers.split import hold_out
from framecast.v1 import dataset_pb2, registry_service_pb2

_STORE_TIMEOUT_S = 600.0
_ITEMS_BYTES = 1024 * 1024
"""Items are sent in messages of about this size."""


@dataclasses.dataclass(frozen=True)
class ImportReport:
    """What an import made."""

    version: DatasetVersion
    warnings: tuple[str, ...] = ()
    """What was put right, or left out, on the way."""


class Datasets:
    """`client.datasets`."""

    def __init__(self, connection: Connection, assets: Assets) -> None:
        self._connection = connection
        self._assets = assets

    def import_(
        self,
        path: str | Path,
        *,
        name: str | None = None,
        images: str | Path | None = None,
        validation_fraction: float | None = None,
        seed: int = 0,
        description: str = "",
        progress: ProgressCallback = silent,
    ) -> ImportReport:
        """Imports a folder whose layout is recognised, or a single COCO file, as a dataset version.

        COCO: `instances_train.json`, `instances_val.json` beside `images/`. Classification: `train/<class>/*.jpg`,
        `val/<class>/*.jpg`, or `<class>/*.jpg`. Everything is parsed and every picture decoded before a byte is
        sent, so that a bad file leaves nothing behind. `name` is the dataset's id (the folder's name);
        `validation_fraction` divides data that has no validation subset.
        """
        path = Path(path)
        layout = recognise(path, images=Path(images) if images else None)
        return self._import(layout, name or dataset_id_from(path), validation_fraction, seed, description, progress)

    def import_coco(
        self,
        name: str,
        *,
        train: str | Path | None = None,
        validation: str | Path | None = None,
        test: str | Path | None = None,
        images: str | Path | None = None,
        validation_fraction: float | None = None,
        seed: int = 0,
        description: str = "",
        progress: ProgressCallback = silent,
    ) -> ImportReport:
        """Imports COCO files as a dataset version; see `import_`. `images` is the folder of their pictures."""
        given = {Subset.TRAIN: train, Subset.VALIDATION: validation, Subset.TEST: test}
        files = {subset: [Path(file)] for subset, file in given.items() if file}
        if not files:
            raise InvalidArgumentError(
                "no annotation file given: pass train=, validation= or test=", reason="ANNOTATION_FILES_MISSING"
            )
        layout = coco_layout(files, images=Path(images) if images else None)
        return self._import(layout, name, validation_fraction, seed, description, progress)

    def import_folders(
        self,
        path: str | Path,
        *,
        name: str | None = None,
        validation_fraction: float | None = None,
        seed: int = 0,
        description: str = "",
        progress: ProgressCallback = silent,
    ) -> ImportReport:
        """Imports pictures in a folder per class as a dataset version; see `import_`."""
        path = Path(path)
        layout = class_folder_layout(path)
        if layout is None:
            raise InvalidArgumentError(
                f"{path}: no pictures in class folders found; expected <class>/*.jpg or train/<class>/*.jpg",
                reason="CLASS_FOLDERS_EMPTY",
                path=path,
            )
        return self._import(layout, name or dataset_id_from(path), validation_fraction, seed, description, progress)

    def get(self, dataset: str) -> Dataset:
        """The dataset with this name or id. Raises NotFoundError."""
        request = registry_service_pb2.GetDatasetRequest(name=self._name(dataset))
        return dataset_from_proto(self._connection.registry.GetDataset(request))

    def get_version(self, dataset: str) -> DatasetVersion:
        """A version by `cars/2` or its full name; the latest one of a dataset by `cars`."""
        request = registry_service_pb2.GetDatasetVersionRequest(name=self.resolve_version(dataset))
        return dataset_version_from_proto(self._connection.registry.GetDatasetVersion(request))

    def list(self) -> Iterator[Dataset]:
        """All datasets of the project."""
        request = registry_service_pb2.ListDatasetsRequest(parent=self._connection.parent)
        return map(dataset_from_proto, pages(self._connection.registry.ListDatasets, request, "datasets"))

    def versions(self, dataset: str) -> Iterator[DatasetVersion]:
        """The versions of a dataset, the newest first."""
        request = registry_service_pb2.ListDatasetVersionsRequest(parent=self._name(dataset))
        found = pages(self._connection.registry.ListDatasetVersions, request, "dataset_versions")
        return map(dataset_version_from_proto, found)

    def items(self, dataset: str, *, subset: Subset | None = None) -> Iterator[DatasetItem]:
        """The items of a version in the order of the import; see `get_version` for `dataset`."""
        request = registry_service_pb2.ListDatasetItemsRequest(parent=self.resolve_version(dataset))
        if subset is not None:
            request.subset = SUBSETS[subset]
        return map(dataset_item_from_proto, pages(self._connection.registry.ListDatasetItems, request, "dataset_items"))

    def delete(self, dataset: str) -> None:
        """Removes a dataset with its versions; its pictures stay. Raises FailedPreconditionError while a model
        refers to it."""
        request = registry_service_pb2.DeleteDatasetRequest(name=self._name(dataset))
        self._connection.registry.DeleteDataset(request)

    def resolve_version(self, dataset: str | Dataset | DatasetVersion | ImportReport) -> str:
        """Full name of a dataset version, from anything that stands for one."""
        if isinstance(dataset, ImportReport):
            return dataset.version.name
        if isinstance(dataset, DatasetVersion):
            return dataset.name
        reference = dataset.name if isinstance(dataset, Dataset) else dataset
        if names.DATASET_VERSION.matches(reference):
            return reference
        dataset_id, slash, version = reference.partition("/")
        if slash and version.isdigit():
            return names.DATASET_VERSION.format(project=self._connection.project, dataset=dataset_id, version=version)
        found = self.get(reference)
        if not found.latest_version:
            raise FailedPreconditionError(
                f"dataset {found.id!r} has no version yet; import data into it with `framecast datasets import`",
                reason="DATASET_EMPTY",
                dataset=found.name,
            )
        return found.latest_version

    def _import(
        self,
        layout: CocoLayout | ClassFolderLayout,
        name: str,
        validation_fraction: float | None,
        seed: int,
        description: str,
        progress: ProgressCallback,
    ) -> ImportReport:
        dataset = self._name(name)
        labelled = layout.read()
        if validation_fraction is not None:
            labelled = hold_out(labelled, fraction=validation_fraction, seed=seed)
        total = len(labelled.pictures)
        checked = check_pictures(
            labelled.pictures, on_done=lambda done: progress(Progress("checking", done, total, "files"))
        )
        warnings = list(labelled.warnings)
        if not labelled.count(Subset.VALIDATION):
            warnings.append(
                "there is no validation subset, which training needs: set one aside with validation_fraction="
                " (--validation-fraction 0.2)"
            )
        version = self._send(dataset, labelled, checked, description, progress)
        return ImportReport(version, tuple(warnings))

    def _send(
        self,
        dataset: str,
        labelled: LabelledSet,
        checked: builtins.list[CheckedPicture],
        description: str,
        progress: ProgressCallback,
    ) -> DatasetVersion:
        sources = [
            (LocalBlob(entry.sha256, entry.size_bytes, path=entry.picture.path), entry.picture.path.name)
            for entry in checked
        ]
        assets = self._assets.create_all(sources, progress=progress)
        items = [
            dataset_pb2.DatasetItem(
                asset=asset.name,
                file_name=entry.picture.file_name,
                subset=SUBSETS[entry.picture.subset],
                annotations=[annotation_to_proto(annotation) for annotation in entry.picture.annotations],
                source_id=entry.picture.source_id,
            )
            for asset, entry in zip(assets, checked, strict=True)
        ]
        first = registry_service_pb2.CreateDatasetVersionRequest(
            parent=dataset,
            dataset_version=dataset_pb2.DatasetVersion(
                description=description, categories=[category_to_proto(category) for category in labelled.categories]
            ),
            allow_missing=True,
            request_id=request_id(),
            item_count=len(items),
        )
        # The request id makes it safe: a version that was stored though its answer was lost is returned again.
        stored = persistently(
            lambda: self._connection.registry.CreateDatasetVersion(_messages(first, items), timeout=_STORE_TIMEOUT_S)
        )
        return dataset_version_from_proto(stored)

    def _name(self, dataset: str) -> str:
        if names.DATASET.matches(dataset):
            return dataset
        return names.DATASET.format(project=self._connection.project, dataset=names.check_id(dataset, field="dataset"))


def _messages(
    first: registry_service_pb2.CreateDatasetVersionRequest, items: Sequence[dataset_pb2.DatasetItem]
) -> Iterator[registry_service_pb2.CreateDatasetVersionRequest]:
    yield first
    batch: list[dataset_pb2.DatasetItem] = []
    size = 0
    for item in items:
        batch.append(item)
        size += item.ByteSize()
        if size >= _ITEMS_BYTES:
            yield registry_service_pb2.CreateDatasetVersionRequest(items=batch)
            batch, size = [], 0
    if batch:
        yield registry_service_pb2.CreateDatasetVersionRequest(items=batch)


def dataset_id_from(path: Path) -> str:
    """A dataset id from a file's or folder's name: `Fruits_nuts` gives `fruits-nuts`."""
    stem = path.resolve().name if path.is_dir() else path.stem
    made = re.sub(r"[^a-z0-9]+", "-", stem.lower()).strip("-")[:63].rstrip("-")
    return made if made[:1].isalpha() else f"dataset-{made}"[:63].rstrip("-")
