"""One suite for every job store."""

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from framecast.errors import NotFoundError, UnavailableError
from framecast_runtime.database import connect
from framecast_trainer import job as jobs
from framecast_trainer.job import JobError, JobState, VersionState
from framecast_trainer.memory_job_store import MemoryJobStore
from framecast_trainer.ports import JobStore
from framecast_trainer.sql_job_store import SqlJobStore, metadata
from tests.unit.trainer.jobs import NOW, make_job

POSTGRES = os.environ.get("FRAMECAST_TEST_POSTGRES_URL", "")


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[JobStore]:
    if request.param == "memory":
        yield MemoryJobStore()
        return
    if request.param == "postgres" and not POSTGRES:
        pytest.skip("FRAMECAST_TEST_POSTGRES_URL is not set")
    engine = connect(POSTGRES if request.param == "postgres" else f"sqlite:///{tmp_path}/trainer.db")
    yield SqlJobStore(engine)
    if request.param == "postgres":
        with engine.begin() as connection:
            connection.execute(sa.text("DROP TABLE training_jobs; DROP TABLE trainer_schema_version"))
    engine.dispose()


def test_a_stored_job_comes_back_whole(store: JobStore) -> None:
    job = make_job(
        request_id="r",
        state=JobState.FAILED,
        version_state=VersionState.FAILED,
        error=JobError("InternalError", "WORKER_LOST", "gone", {"signal": "SIGKILL"}),
        metrics={"loss": float("inf")},
        warnings=("random weights",),
        start_time=NOW,
        end_time=NOW,
        cancel_requested=True,
        event_offset=77,
    )
    stored, new = store.add(job)
    assert new
    assert store.get("demo", "job-1") == stored == replace(job, sequence=stored.sequence)


def test_a_repeated_request_id_returns_the_first_job(store: JobStore) -> None:
    first, _ = store.add(make_job("job-1", request_id="r"))
    again, new = store.add(make_job("job-2", request_id="r"))
    other, other_new = store.add(make_job("job-3", project="other", request_id="r"))
    assert (again, new, other_new) == (first, False, True)
    assert store.find_request("demo", "r") == first
    assert store.find_request("demo", "") is None
    assert other.sequence > first.sequence


def test_missing_jobs_are_not_found(store: JobStore) -> None:
    with pytest.raises(NotFoundError, match="job-9"):
        store.get("demo", "job-9")
    with pytest.raises(NotFoundError):
        store.update(make_job(sequence=99), lambda job: job)


def test_pages_show_the_newest_first_within_a_project(store: JobStore) -> None:
    for i in range(5):
        store.add(make_job(f"job-{i}"))
    store.add(make_job("job-x", project="other"))
    page = store.page("demo", size=2, before=None)
    assert [job.id for job in page] == ["job-4", "job-3"]
    assert [job.id for job in store.page("demo", size=9, before=page[-1].sequence)] == ["job-2", "job-1", "job-0"]


def test_open_and_unsettled_jobs_are_found_oldest_first(store: JobStore) -> None:
    a, b, c = (store.add(make_job(f"job-{i}"))[0] for i in range(3))
    store.update(a, lambda job: jobs.cancelled(job, NOW))
    store.update(b, lambda job: replace(job, version_state=VersionState.CREATED))
    assert [job.id for job in store.open()] == [b.id, c.id]
    assert [job.id for job in store.unsettled()] == [a.id, c.id]


def test_update_sees_the_stored_job_and_not_the_callers(store: JobStore) -> None:
    stale, _ = store.add(make_job())
    store.update(stale, lambda job: jobs.started(job, NOW))
    assert store.update(stale, lambda job: replace(job, event_offset=5)).state is JobState.RUNNING


def test_removed_jobs_are_gone(store: JobStore) -> None:
    job, _ = store.add(make_job())
    store.remove(job)
    assert store.page("demo", size=9, before=None) == []


def test_a_database_that_is_away_is_said_so(tmp_path: Path) -> None:
    engine = connect(f"sqlite:///{tmp_path}/trainer.db")
    store = SqlJobStore(engine)
    job, _ = store.add(make_job())
    with engine.begin() as connection:
        connection.execute(sa.text("DROP TABLE training_jobs"))
    calls: list[Callable[[], object]] = [
        lambda: store.add(make_job("job-2")),
        lambda: store.get("demo", "job-1"),
        lambda: store.open(),
        lambda: store.update(job, lambda job: job),
        lambda: store.remove(job),
    ]
    for call in calls:
        with pytest.raises(UnavailableError) as caught:
            call()
        assert caught.value.reason == "DATABASE_UNAVAILABLE"
    engine.dispose()
    with pytest.raises(UnavailableError):
        SqlJobStore(sa.create_engine(f"sqlite:///{tmp_path}/none/trainer.db"))


def test_the_migrations_lead_to_the_tables_that_are_used(tmp_path: Path) -> None:
    engine = connect(f"sqlite:///{tmp_path}/trainer.db")
    SqlJobStore(engine)
    SqlJobStore(engine)  # a second start finds nothing to do
    columns = {column["name"] for column in sa.inspect(engine).get_columns("training_jobs")}
    assert columns == {column.name for column in metadata.tables["training_jobs"].columns}
    engine.dispose()
