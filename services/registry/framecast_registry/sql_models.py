"""Rows of models and their versions."""

from typing import Any

import sqlalchemy as sa

from framecast_registry.domain import Failure, Model, ModelState, ModelVersion, VersionRef
from framecast_registry.sql_content import SqlRows
from framecast_registry.sql_tables import MODEL_VERSIONS, MODELS

_LATEST_TRAINED = (
    sa.select(sa.func.coalesce(sa.func.max(MODEL_VERSIONS.c.number), 0))
    .where(
        MODEL_VERSIONS.c.project_id == MODELS.c.project_id,
        MODEL_VERSIONS.c.model_id == MODELS.c.model_id,
        MODEL_VERSIONS.c.state == int(ModelState.TRAINED),
    )
    .scalar_subquery()
)


class SqlModels(SqlRows):
    def get(self, project_id: str, model_id: str) -> Model | None:
        select = sa.select(MODELS, _LATEST_TRAINED)
        row = self.one(select.where(MODELS.c.project_id == project_id, MODELS.c.model_id == model_id))
        return row and Model(*row)

    def add(self, model: Model) -> None:
        self.run(
            sa.insert(MODELS).values(
                project_id=model.project_id,
                model_id=model.model_id,
                display_name=model.display_name,
                description=model.description,
                create_time=model.create_time,
            )
        )

    def page(self, project_id: str, after: str | None, limit: int) -> list[Model]:
        select = sa.select(MODELS, _LATEST_TRAINED).where(MODELS.c.project_id == project_id)
        if after is not None:
            select = select.where(MODELS.c.model_id > after)
        return [Model(*row) for row in self.all(select.order_by(MODELS.c.model_id).limit(limit))]

    def version(self, project_id: str, model_id: str, number: int) -> ModelVersion | None:
        row = self.one(
            sa.select(MODEL_VERSIONS).where(*_versions_of(project_id, model_id), MODEL_VERSIONS.c.number == number)
        )
        return row and _version(row)

    def latest_number(self, project_id: str, model_id: str) -> int:
        select = sa.select(sa.func.coalesce(sa.func.max(MODEL_VERSIONS.c.number), 0))
        return int(self._connection.execute(select.where(*_versions_of(project_id, model_id))).scalar_one())

    def add_version(self, version: ModelVersion) -> None:
        self.run(sa.insert(MODEL_VERSIONS).values(_row(version)))

    def replace_version(self, version: ModelVersion) -> None:
        self.run(
            sa.update(MODEL_VERSIONS)
            .where(*_versions_of(version.project_id, version.model_id), MODEL_VERSIONS.c.number == version.number)
            .values(_row(version))
        )

    def versions(self, project_id: str, model_id: str, before: int | None, limit: int) -> list[ModelVersion]:
        select = sa.select(MODEL_VERSIONS).where(*_versions_of(project_id, model_id))
        if before is not None:
            select = select.where(MODEL_VERSIONS.c.number < before)
        return [_version(row) for row in self.all(select.order_by(MODEL_VERSIONS.c.number.desc()).limit(limit))]

    def trained_on(self, project_id: str, dataset_id: str) -> ModelVersion | None:
        columns = MODEL_VERSIONS.c
        row = self.one(
            sa.select(MODEL_VERSIONS)
            .where(
                columns.project_id == project_id,
                columns.dataset_id == dataset_id,
                columns.state != int(ModelState.FAILED),
            )
            .order_by(columns.model_id, columns.number)
            .limit(1)
        )
        return row and _version(row)

    def forget_dataset(self, project_id: str, dataset_id: str) -> None:
        columns = MODEL_VERSIONS.c
        self.run(
            sa.update(MODEL_VERSIONS)
            .where(columns.project_id == project_id, columns.dataset_id == dataset_id)
            .values(dataset_id=None, dataset_version=None)
        )


def _versions_of(project_id: str, model_id: str) -> tuple[sa.ColumnElement[bool], ...]:
    return MODEL_VERSIONS.c.project_id == project_id, MODEL_VERSIONS.c.model_id == model_id


def _row(version: ModelVersion) -> dict[str, object]:
    ref, failure = version.dataset_version, version.failure
    return {
        "project_id": version.project_id,
        "model_id": version.model_id,
        "number": version.number,
        "state": int(version.state),
        "architecture": version.architecture,
        "task": version.task,
        "training_job_id": version.training_job_id,
        "dataset_id": ref.dataset_id if ref else None,
        "dataset_version": ref.number if ref else None,
        "bundle_sha256": version.bundle_sha256,
        "metrics": dict(version.metrics) if version.metrics is not None else None,
        "failure": (
            [failure.code, failure.message, failure.reason, dict(failure.metadata)] if failure is not None else None
        ),
        "create_time": version.create_time,
        "end_time": version.end_time,
    }


def _version(row: Any) -> ModelVersion:
    return ModelVersion(
        project_id=row.project_id,
        model_id=row.model_id,
        number=row.number,
        state=ModelState(row.state),
        architecture=row.architecture,
        task=row.task,
        training_job_id=row.training_job_id,
        dataset_version=VersionRef(row.dataset_id, row.dataset_version) if row.dataset_id else None,
        create_time=row.create_time,
        failure=Failure(*row.failure) if row.failure is not None else None,
        bundle_sha256=row.bundle_sha256,
        metrics=row.metrics,
        end_time=row.end_time,
    )
