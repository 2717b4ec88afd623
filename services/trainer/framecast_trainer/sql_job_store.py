"""Jobs in SQLite or PostgreSQL: a document per job beside the columns that are searched."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from framecast_runtime.database import database_errors, migrate
from framecast_trainer.job import Job, JobState
from framecast_trainer.job_document import from_document, to_document
from framecast_trainer.ports import no_such_job

MIGRATIONS = Path(__file__).parent / "migrations"
VERSION_TABLE = "trainer_schema_version"

metadata = sa.MetaData()
jobs = sa.Table(
    "training_jobs",
    metadata,
    sa.Column("sequence", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("project", sa.String(128), nullable=False),
    sa.Column("id", sa.String(128), nullable=False),
    sa.Column("request_id", sa.String(64), nullable=True),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("settled", sa.Boolean, nullable=False),
    sa.Column("document", sa.Text, nullable=False),
    sa.UniqueConstraint("project", "id", name="uq_training_jobs_name"),
    sa.UniqueConstraint("project", "request_id", name="uq_training_jobs_request"),
    sqlite_autoincrement=True,
)


class SqlJobStore:
    """Brings its tables up to date when it is opened."""

    def __init__(self, engine: sa.Engine) -> None:
        with database_errors():
            migrate(engine, MIGRATIONS, version_table=VERSION_TABLE)
        self._engine = engine
        self._reader = engine.execution_options(read_only=True)

    def add(self, job: Job) -> tuple[Job, bool]:
        """See `JobStore.add`."""
        try:
            with database_errors(), self._engine.begin() as connection:
                result = connection.execute(sa.insert(jobs).values(project=job.project, id=job.id, **_columns(job)))
                key = result.inserted_primary_key
                assert key is not None
                return replace(job, sequence=key[0]), True
        except sa.exc.IntegrityError:
            earlier = self.find_request(job.project, job.request_id)
            if earlier is None:
                raise
            return earlier, False

    def get(self, project: str, job_id: str) -> Job:
        """See `JobStore.get`."""
        found = self._jobs(sa.select(jobs).where(jobs.c.project == project, jobs.c.id == job_id))
        if not found:
            raise no_such_job(f"projects/{project}/trainingJobs/{job_id}")
        return found[0]

    def find_request(self, project: str, request_id: str) -> Job | None:
        """See `JobStore.find_request`."""
        if not request_id:
            return None
        found = self._jobs(sa.select(jobs).where(jobs.c.project == project, jobs.c.request_id == request_id))
        return found[0] if found else None

    def page(self, project: str, *, size: int, before: int | None) -> Sequence[Job]:
        """See `JobStore.page`."""
        query = sa.select(jobs).where(jobs.c.project == project).order_by(jobs.c.sequence.desc()).limit(size)
        return self._jobs(query if before is None else query.where(jobs.c.sequence < before))

    def open(self) -> Sequence[Job]:
        """See `JobStore.open`."""
        states = [state.value for state in JobState if not state.ended]
        return self._jobs(sa.select(jobs).where(jobs.c.state.in_(states)).order_by(jobs.c.sequence))

    def unsettled(self) -> Sequence[Job]:
        """See `JobStore.unsettled`."""
        return self._jobs(sa.select(jobs).where(jobs.c.settled == sa.false()).order_by(jobs.c.sequence))

    def update(self, job: Job, change: Callable[[Job], Job]) -> Job:
        """See `JobStore.update`."""
        with database_errors(), self._engine.begin() as connection:
            row = connection.execute(
                sa.select(jobs).where(jobs.c.sequence == job.sequence).with_for_update()
            ).one_or_none()
            if row is None:
                raise no_such_job(job.name)
            changed = change(_job(row))
            connection.execute(sa.update(jobs).where(jobs.c.sequence == job.sequence).values(**_columns(changed)))
            return changed

    def remove(self, job: Job) -> None:
        """See `JobStore.remove`."""
        with database_errors(), self._engine.begin() as connection:
            connection.execute(sa.delete(jobs).where(jobs.c.sequence == job.sequence))

    def _jobs(self, query: sa.Select[Any]) -> list[Job]:
        with database_errors(), self._reader.begin() as connection:
            return [_job(row) for row in connection.execute(query)]


def _columns(job: Job) -> dict[str, Any]:
    return {
        "request_id": job.request_id or None,
        "state": job.state.value,
        "settled": job.settled,
        "document": to_document(job),
    }


def _job(row: sa.Row[Any]) -> Job:
    return from_document(row.document, row.sequence)
