"""Rows of datasets, their versions and items."""

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa

from framecast_registry.domain import Category, Dataset, DatasetItem, DatasetVersion, Subset, SubsetSummary
from framecast_registry.sql_content import SqlRows
from framecast_registry.sql_tables import DATASET_ITEMS, DATASET_VERSIONS, DATASETS

_LATEST = (
    sa.select(sa.func.coalesce(sa.func.max(DATASET_VERSIONS.c.number), 0))
    .where(
        DATASET_VERSIONS.c.project_id == DATASETS.c.project_id,
        DATASET_VERSIONS.c.dataset_id == DATASETS.c.dataset_id,
    )
    .scalar_subquery()
)


class SqlDatasets(SqlRows):
    def get(self, project_id: str, dataset_id: str) -> Dataset | None:
        row = self.one(sa.select(DATASETS, _LATEST).where(*_dataset(project_id, dataset_id)))
        return row and Dataset(*row)

    def add(self, dataset: Dataset) -> None:
        self.run(
            sa.insert(DATASETS).values(
                project_id=dataset.project_id,
                dataset_id=dataset.dataset_id,
                display_name=dataset.display_name,
                description=dataset.description,
                create_time=dataset.create_time,
            )
        )

    def remove(self, project_id: str, dataset_id: str) -> None:
        self.run(sa.delete(DATASETS).where(*_dataset(project_id, dataset_id)))

    def page(self, project_id: str, after: str | None, limit: int) -> list[Dataset]:
        select = sa.select(DATASETS, _LATEST).where(DATASETS.c.project_id == project_id)
        if after is not None:
            select = select.where(DATASETS.c.dataset_id > after)
        return [Dataset(*row) for row in self.all(select.order_by(DATASETS.c.dataset_id).limit(limit))]

    def version(self, project_id: str, dataset_id: str, number: int) -> DatasetVersion | None:
        row = self.one(
            sa.select(DATASET_VERSIONS).where(
                *_versions_of(project_id, dataset_id), DATASET_VERSIONS.c.number == number
            )
        )
        return row and _version(row)

    def add_version(self, version: DatasetVersion, items: Iterable[Sequence[DatasetItem]]) -> None:
        inserted = self._connection.execute(
            sa.insert(DATASET_VERSIONS).values(
                project_id=version.project_id,
                dataset_id=version.dataset_id,
                number=version.number,
                description=version.description,
                categories=[[c.category_id, c.name, c.supercategory, list(c.keypoints)] for c in version.categories],
                subsets=[[int(s.subset), s.item_count, s.annotation_count] for s in version.subsets],
                digest=version.digest,
                create_time=version.create_time,
            )
        )
        assert inserted.inserted_primary_key is not None
        version_key = int(inserted.inserted_primary_key[0])
        for batch in items:
            self._connection.execute(sa.insert(DATASET_ITEMS), [_item_row(version_key, item) for item in batch])

    def versions(self, project_id: str, dataset_id: str, before: int | None, limit: int) -> list[DatasetVersion]:
        select = sa.select(DATASET_VERSIONS).where(*_versions_of(project_id, dataset_id))
        if before is not None:
            select = select.where(DATASET_VERSIONS.c.number < before)
        return [_version(row) for row in self.all(select.order_by(DATASET_VERSIONS.c.number.desc()).limit(limit))]

    def items(self, version: DatasetVersion, subset: Subset | None, after: int, limit: int) -> list[DatasetItem]:
        key = (
            sa.select(DATASET_VERSIONS.c.version_key)
            .where(*_versions_of(version.project_id, version.dataset_id), DATASET_VERSIONS.c.number == version.number)
            .scalar_subquery()
        )
        columns = DATASET_ITEMS.c
        select = sa.select(DATASET_ITEMS).where(columns.version_key == key, columns.position > after)
        if subset is not None:
            select = select.where(columns.subset == int(subset))
        return [
            DatasetItem(
                row.position,
                row.asset_sha256,
                row.file_name,
                Subset(row.subset),
                row.source_id,
                row.annotation_count,
                row.labels,
            )
            for row in self.all(select.order_by(columns.position).limit(limit))
        ]


def _dataset(project_id: str, dataset_id: str) -> tuple[sa.ColumnElement[bool], ...]:
    return DATASETS.c.project_id == project_id, DATASETS.c.dataset_id == dataset_id


def _versions_of(project_id: str, dataset_id: str) -> tuple[sa.ColumnElement[bool], ...]:
    return DATASET_VERSIONS.c.project_id == project_id, DATASET_VERSIONS.c.dataset_id == dataset_id


def _version(row: Any) -> DatasetVersion:
    return DatasetVersion(
        project_id=row.project_id,
        dataset_id=row.dataset_id,
        number=row.number,
        description=row.description,
        categories=tuple(Category(i, name, parent, tuple(points)) for i, name, parent, points in row.categories),
        subsets=tuple(SubsetSummary(Subset(subset), items, labels) for subset, items, labels in row.subsets),
        digest=row.digest,
        create_time=row.create_time,
    )


def _item_row(version_key: int, item: DatasetItem) -> dict[str, object]:
    return {
        "version_key": version_key,
        "position": item.position,
        "asset_sha256": item.asset_sha256,
        "subset": int(item.subset),
        "file_name": item.file_name,
        "source_id": item.source_id,
        "annotation_count": item.annotation_count,
        "labels": item.labels,
    }
