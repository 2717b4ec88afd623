"""Datasets, and what their versions hold; how a version comes in is `dataset_versions`."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from framecast.errors import AlreadyExistsError, FailedPreconditionError, NotFoundError
from framecast.names import DATASET_VERSION, MODEL_VERSION, check_id
from framecast_registry.domain import Dataset, DatasetItem, DatasetVersion, Subset
from framecast_registry.ports import MetadataStore, Transaction
from framecast_registry.projects import require_project
from framecast_registry.requests import Request
from framecast_registry.text_limits import DESCRIPTION_BYTES, NAME_BYTES, check_text
from framecast_runtime.paging import Page, cut_page

_PAGE_BYTES = 16 * 1024**2


def require_dataset(tx: Transaction, project_id: str, dataset_id: str) -> Dataset:
    """The dataset. Raises NotFoundError."""
    dataset = tx.datasets.get(project_id, dataset_id)
    if dataset is None:
        raise NotFoundError(
            f"no dataset {dataset_id!r} in project {project_id!r}; see `framecast datasets list`",
            reason="DATASET_NOT_FOUND",
            project=project_id,
            dataset=dataset_id,
        )
    return dataset


def require_dataset_version(tx: Transaction, project_id: str, dataset_id: str, number: int) -> DatasetVersion:
    """The version. Raises NotFoundError, saying which one is the latest."""
    dataset = require_dataset(tx, project_id, dataset_id)
    version = tx.datasets.version(project_id, dataset_id, number)
    if version is None:
        there = f"the latest is {dataset.latest_version}" if dataset.latest_version else "it has none yet"
        raise NotFoundError(
            f"dataset {dataset_id!r} has no version {number}; {there}",
            reason="DATASET_VERSION_NOT_FOUND",
            project=project_id,
            dataset=dataset_id,
            version=number,
        )
    return version


def lock_dataset(tx: Transaction, project_id: str, dataset_id: str) -> None:
    """Holds off others who create, extend, refer to or remove this dataset."""
    tx.lock(f"dataset/{project_id}/{dataset_id}")


class Datasets:
    def __init__(self, store: MetadataStore, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now

    def create(self, project_id: str, dataset_id: str, display_name: str, description: str, request_id: str) -> Dataset:
        """Raises AlreadyExistsError where the id is taken."""
        check_id(dataset_id, field="dataset_id")
        check_text(display_name, NAME_BYTES, field="dataset.display_name")
        check_text(description, DESCRIPTION_BYTES, field="dataset.description")
        request = Request("CreateDataset", f"projects/{project_id}", request_id, dataset_id, display_name, description)
        with self._store.transaction() as tx:
            require_project(tx, project_id)
            if request.earlier_result(tx):
                return require_dataset(tx, project_id, dataset_id)
            lock_dataset(tx, project_id, dataset_id)
            if tx.datasets.get(project_id, dataset_id) is not None:
                raise AlreadyExistsError(
                    f"there is a dataset {dataset_id!r} already; choose another dataset_id or add a version to it",
                    reason="DATASET_ALREADY_EXISTS",
                    project=project_id,
                    dataset=dataset_id,
                )
            dataset = Dataset(project_id, dataset_id, display_name, description, self._now())
            tx.datasets.add(dataset)
            request.remember(tx, dataset_id, dataset.create_time)
            return dataset

    def get(self, project_id: str, dataset_id: str) -> Dataset:
        """Raises NotFoundError."""
        with self._store.snapshot() as tx:
            return require_dataset(tx, project_id, dataset_id)

    def page(self, project_id: str, page: Page) -> tuple[list[Dataset], str]:
        """A page by id, and the token of the next one."""
        with self._store.snapshot() as tx:
            require_project(tx, project_id)
            rows = tx.datasets.page(project_id, page.after, page.size + 1)
        return cut_page(rows, page, lambda row: row.dataset_id)

    def delete(self, project_id: str, dataset_id: str) -> None:
        """With its versions and their predictions.

        Raises FailedPreconditionError while a model version that has not FAILED refers to one.
        """
        with self._store.transaction() as tx:
            lock_dataset(tx, project_id, dataset_id)
            require_dataset(tx, project_id, dataset_id)
            user = tx.models.trained_on(project_id, dataset_id)
            if user is not None:
                assert user.dataset_version is not None
                model = MODEL_VERSION.format(project=project_id, model=user.model_id, version=user.number)
                version = DATASET_VERSION.format(
                    project=project_id, dataset=dataset_id, version=user.dataset_version.number
                )
                raise FailedPreconditionError(
                    f"{model} was trained on {version}; the dataset must stay as long as that model version does",
                    reason="DATASET_IN_USE",
                    dataset_version=version,
                    model_version=model,
                )
            tx.models.forget_dataset(project_id, dataset_id)
            tx.datasets.remove(project_id, dataset_id)
            tx.requests.remove(f"projects/{project_id}", "CreateDataset", dataset_id)
            tx.requests.remove_scope(f"projects/{project_id}/datasets/{dataset_id}")

    def version(self, project_id: str, dataset_id: str, number: int) -> DatasetVersion:
        """Raises NotFoundError."""
        with self._store.snapshot() as tx:
            return require_dataset_version(tx, project_id, dataset_id, number)

    def versions(self, project_id: str, dataset_id: str, page: Page) -> tuple[list[DatasetVersion], str]:
        """A page of versions, the newest first, and the token of the next one."""
        with self._store.snapshot() as tx:
            require_dataset(tx, project_id, dataset_id)
            rows = tx.datasets.versions(project_id, dataset_id, page.after_number(), page.size + 1)
        return cut_page(rows, page, lambda row: row.number)

    def items(
        self, project_id: str, dataset_id: str, number: int, subset: Subset | None, page: Page
    ) -> tuple[list[DatasetItem], str]:
        """A page of a version's items in their order, and the token of the next one.

        A page ends early where its labels and file names would outgrow a message.
        """
        after = page.after_number()
        with self._store.snapshot() as tx:
            version = require_dataset_version(tx, project_id, dataset_id, number)
            rows = tx.datasets.items(version, subset, -1 if after is None else after, page.size + 1)
        fitting = _count_fitting(rows)
        if fitting < min(len(rows), page.size):
            page = replace(page, size=fitting)
            rows = rows[: fitting + 1]
        return cut_page(rows, page, lambda row: row.position)


def _count_fitting(items: list[DatasetItem]) -> int:
    """How many of the items fit into a page; the first one always does."""
    total = 0
    for count, item in enumerate(items):
        total += len(item.labels) + len(item.file_name.encode())
        if total > _PAGE_BYTES and count:
            return count
    return len(items)
