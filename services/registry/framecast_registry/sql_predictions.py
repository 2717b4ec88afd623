"""Rows of prediction sets and of their parts."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from framecast_registry.domain import PredictionPart, PredictionSet, Subset, VersionRef
from framecast_registry.sql_content import SqlRows
from framecast_registry.sql_tables import PREDICTION_PARTS, PREDICTION_SETS

_SETS, _PARTS = PREDICTION_SETS.c, PREDICTION_PARTS.c


class SqlPredictions(SqlRows):
    def get(self, project_id: str, version: VersionRef, set_id: str) -> PredictionSet | None:
        row = self.one(sa.select(PREDICTION_SETS).where(*_of(project_id, version), _SETS.set_id == set_id))
        return row and _set(row)

    def add(self, row: PredictionSet, parts: Sequence[PredictionPart]) -> None:
        inserted = self._connection.execute(
            sa.insert(PREDICTION_SETS).values(
                project_id=row.project_id,
                dataset_id=row.dataset_version.dataset_id,
                dataset_version=row.dataset_version.number,
                set_id=row.set_id,
                model_id=row.model_id,
                model_version=row.model_version,
                bundle_sha256=row.bundle_sha256,
                subset=None if row.subset is None else int(row.subset),
                settings=row.settings,
                inference_job_id=row.inference_job_id,
                result_count=row.result_count,
                failed_count=row.failed_count,
                instance_count=row.instance_count,
                size_bytes=row.size_bytes,
                create_time=row.create_time,
            )
        )
        assert inserted.inserted_primary_key is not None
        owner = {"set_key": int(inserted.inserted_primary_key[0]), "project_id": row.project_id}
        self._connection.execute(sa.insert(PREDICTION_PARTS), [owner | _part_row(part) for part in parts])

    def remove(self, project_id: str, version: VersionRef, set_id: str) -> None:
        self.run(sa.delete(PREDICTION_SETS).where(*_of(project_id, version), _SETS.set_id == set_id))

    def page(self, project_id: str, version: VersionRef, after: str | None, limit: int) -> list[PredictionSet]:
        select = sa.select(PREDICTION_SETS).where(*_of(project_id, version))
        if after is not None:
            select = select.where(_SETS.set_id > after)
        return [_set(row) for row in self.all(select.order_by(_SETS.set_id).limit(limit))]

    def parts(self, row: PredictionSet, position: int) -> list[PredictionPart]:
        key = (
            sa.select(_SETS.set_key)
            .where(*_of(row.project_id, row.dataset_version), _SETS.set_id == row.set_id)
            .scalar_subquery()
        )
        select = sa.select(PREDICTION_PARTS).where(
            _PARTS.set_key == key, _PARTS.position + _PARTS.result_count > position
        )
        return [
            PredictionPart(
                part.position,
                part.sha256,
                part.size_bytes,
                part.result_count,
                part.failed_count,
                part.instance_count,
            )
            for part in self.all(select.order_by(_PARTS.position))
        ]


def _of(project_id: str, version: VersionRef) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        _SETS.project_id == project_id,
        _SETS.dataset_id == version.dataset_id,
        _SETS.dataset_version == version.number,
    )


def _set(row: Any) -> PredictionSet:
    return PredictionSet(
        project_id=row.project_id,
        dataset_version=VersionRef(row.dataset_id, row.dataset_version),
        set_id=row.set_id,
        model_id=row.model_id,
        model_version=row.model_version,
        bundle_sha256=row.bundle_sha256,
        subset=None if row.subset is None else Subset(row.subset),
        settings=row.settings,
        inference_job_id=row.inference_job_id,
        result_count=row.result_count,
        failed_count=row.failed_count,
        instance_count=row.instance_count,
        size_bytes=row.size_bytes,
        create_time=row.create_time,
    )


def _part_row(part: PredictionPart) -> dict[str, object]:
    return {
        "position": part.position,
        "sha256": part.sha256,
        "size_bytes": part.size_bytes,
        "result_count": part.result_count,
        "failed_count": part.failed_count,
        "instance_count": part.instance_count,
    }
