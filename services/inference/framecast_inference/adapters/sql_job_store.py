"""Inference jobs in SQLite or PostgreSQL: a document per job beside the columns that are searched."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from framecast_inference.jobs.job import InferenceJob, JobState, ResultPart
from framecast_inference.jobs.job_document import from_document, to_document
from framecast_inference.jobs.ports import no_such_job
from framecast_runtime.database import database_errors, migrate

MIGRATIONS = Path(__file__).parent.parent / "migrations"
VERSION_TABLE = "inference_schema_version"

metadata = sa.MetaData()
JOBS = sa.Table(
    "inference_jobs",
    metadata,
    sa.Column("sequence", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("project", sa.String(128), nullable=False),
    sa.Column("id", sa.String(128), nullable=False),
    sa.Column("request_id", sa.String(64), nullable=True),
    sa.Column("state", sa.String(16), nullable=False),
    # sources and settings: written once, while the document changes with every sign of life
    sa.Column("spec", sa.LargeBinary, nullable=False),
    sa.Column("document", sa.Text, nullable=False),
    sa.UniqueConstraint("project", "id", name="uq_inference_jobs_name"),
    sa.UniqueConstraint("project", "request_id", name="uq_inference_jobs_request"),
    sqlite_autoincrement=True,
)
PARTS = sa.Table(
    "inference_job_parts",
    metadata,
    sa.Column("job", sa.Integer, sa.ForeignKey("inference_jobs.sequence", ondelete="CASCADE"), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("position", sa.BigInteger, nullable=False),
    sa.Column("result_count", sa.Integer, nullable=False),
    sa.Column("failed", sa.Integer, nullable=False),
    sa.Column("size_bytes", sa.BigInteger, nullable=False),
    sa.Column("sha256", sa.String(64), nullable=False),
)
_SHOWN = (JOBS.c.sequence, JOBS.c.document)


class SqlJobStore:
    """Brings its tables up to date when it is opened."""

    def __init__(self, engine: sa.Engine) -> None:
        with database_errors():
            migrate(engine, MIGRATIONS, version_table=VERSION_TABLE)
        self._engine = engine
        self._reader = engine.execution_options(read_only=True)

    def close(self) -> None:
        """Closes the connections."""
        self._engine.dispose()

    def add(self, job: InferenceJob, spec: bytes) -> tuple[InferenceJob, bool]:
        """See `JobStore.add`."""
        row = {"project": job.project, "id": job.id, "spec": spec, **_columns(job)}
        try:
            with database_errors(), self._engine.begin() as connection:
                key = connection.execute(sa.insert(JOBS).values(**row)).inserted_primary_key
                assert key is not None
                return replace(job, sequence=key[0]), True
        except sa.exc.IntegrityError:
            earlier = self.find_request(job.project, job.request_id)
            if earlier is None:
                raise
            return earlier, False

    def get(self, project: str, job_id: str) -> InferenceJob:
        """See `JobStore.get`."""
        found = self._jobs(_visible().where(JOBS.c.project == project, JOBS.c.id == job_id))
        if not found:
            raise no_such_job(f"projects/{project}/inferenceJobs/{job_id}")
        return found[0]

    def spec(self, job: InferenceJob) -> bytes:
        """See `JobStore.spec`."""
        with database_errors(), self._reader.begin() as connection:
            found = connection.scalar(sa.select(JOBS.c.spec).where(JOBS.c.sequence == job.sequence))
        if found is None:
            raise no_such_job(job.name)
        return bytes(found)

    def find_request(self, project: str, request_id: str) -> InferenceJob | None:
        """See `JobStore.find_request`."""
        if not request_id:
            return None
        found = self._jobs(sa.select(*_SHOWN).where(JOBS.c.project == project, JOBS.c.request_id == request_id))
        return found[0] if found else None

    def page(self, project: str, *, size: int, before: int | None) -> Sequence[InferenceJob]:
        """See `JobStore.page`."""
        query = _visible().where(JOBS.c.project == project).order_by(JOBS.c.sequence.desc()).limit(size)
        return self._jobs(query if before is None else query.where(JOBS.c.sequence < before))

    def unfinished(self) -> Sequence[InferenceJob]:
        """See `JobStore.unfinished`."""
        states = [state.value for state in JobState if not state.ended or state is JobState.DELETED]
        return self._jobs(sa.select(*_SHOWN).where(JOBS.c.state.in_(states)).order_by(JOBS.c.sequence))

    def update(self, job: InferenceJob, change: Callable[[InferenceJob], InferenceJob]) -> InferenceJob:
        """See `JobStore.update`."""
        with database_errors(), self._engine.begin() as connection:
            return _update(connection, job, change)

    def add_part(
        self, job: InferenceJob, part: ResultPart, change: Callable[[InferenceJob], InferenceJob]
    ) -> InferenceJob:
        """See `JobStore.add_part`."""
        row = {
            "job": job.sequence,
            "number": part.number,
            "position": part.position,
            "result_count": part.count,
            "failed": part.failed,
            "size_bytes": part.size_bytes,
            "sha256": part.sha256,
        }
        with database_errors(), self._engine.begin() as connection:
            changed = _update(connection, job, change)
            connection.execute(sa.insert(PARTS).values(**row))
            return changed

    def parts(self, job: InferenceJob, *, position: int, limit: int) -> Sequence[ResultPart]:
        """See `JobStore.parts`."""
        query = (
            sa.select(PARTS)
            .where(PARTS.c.job == job.sequence, PARTS.c.position + PARTS.c.result_count > position)
            .order_by(PARTS.c.number)
            .limit(limit)
        )
        with database_errors(), self._reader.begin() as connection:
            return [_part(row) for row in connection.execute(query)]

    def remove(self, job: InferenceJob) -> None:
        """See `JobStore.remove`."""
        with database_errors(), self._engine.begin() as connection:
            connection.execute(sa.delete(JOBS).where(JOBS.c.sequence == job.sequence))

    def _jobs(self, query: sa.Select[Any]) -> list[InferenceJob]:
        with database_errors(), self._reader.begin() as connection:
            return [from_document(row.document, row.sequence) for row in connection.execute(query)]


def _visible() -> sa.Select[Any]:
    return sa.select(*_SHOWN).where(JOBS.c.state != JobState.DELETED.value)


def _update(
    connection: sa.Connection, job: InferenceJob, change: Callable[[InferenceJob], InferenceJob]
) -> InferenceJob:
    mine = JOBS.c.sequence == job.sequence
    row = connection.execute(sa.select(*_SHOWN).where(mine).with_for_update()).one_or_none()
    if row is None:
        raise no_such_job(job.name)
    changed = change(from_document(row.document, row.sequence))
    connection.execute(sa.update(JOBS).where(mine).values(**_columns(changed)))
    return changed


def _columns(job: InferenceJob) -> dict[str, Any]:
    return {"request_id": job.request_id or None, "state": job.state.value, "document": to_document(job)}


def _part(row: sa.Row[Any]) -> ResultPart:
    return ResultPart(
        number=row.number,
        position=row.position,
        count=row.result_count,
        failed=row.failed,
        size_bytes=row.size_bytes,
        sha256=row.sha256,
    )
