"""One suite for every store of inference jobs."""

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from framecast.errors import NotFoundError, UnavailableError
from framecast_inference.adapters.memory_job_store import MemoryJobStore
from framecast_inference.adapters.sql_job_store import SqlJobStore, metadata
from framecast_inference.jobs import job as jobs
from framecast_inference.jobs.job import JobState, Lease, LeaseLostError, Progress, ResultPart
from framecast_inference.jobs.ports import JobStore
from framecast_runtime.database import connect
from tests.unit.inference.job_bench import NOW, make_job

POSTGRES = os.environ.get("FRAMECAST_TEST_POSTGRES_URL", "")


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[JobStore]:
    if request.param == "memory":
        yield MemoryJobStore()
        return
    if request.param == "postgres" and not POSTGRES:
        pytest.skip("FRAMECAST_TEST_POSTGRES_URL is not set")
    engine = connect(POSTGRES if request.param == "postgres" else f"sqlite:///{tmp_path}/inference.db")
    yield SqlJobStore(engine)
    if request.param == "postgres":
        with engine.begin() as connection:
            connection.execute(
                sa.text(
                    "DROP TABLE inference_job_parts; DROP TABLE inference_jobs; DROP TABLE inference_schema_version"
                )
            )
    engine.dispose()


def part(number: int, position: int, count: int = 3) -> ResultPart:
    return ResultPart(number=number, position=position, count=count, failed=1, size_bytes=9, sha256="a" * 64)


def test_a_stored_job_comes_back_whole(store: JobStore) -> None:
    job = make_job(
        request_id="r",
        state=JobState.FAILED,
        error=b"\x00\xff",
        progress=Progress("predicting", 3, 2**40, 1, 2**41),
        counts=(1, 2**40),
        dataset_version="projects/demo/datasets/d/versions/1",
        record_predictions=True,
        start_time=NOW,
        end_time=NOW,
        lease=Lease("me", 7),
    )
    stored, new = store.add(job, b"spec \x00")
    assert new
    assert store.get("demo", "job-1") == stored == replace(job, sequence=stored.sequence)
    assert store.spec(stored) == b"spec \x00"


def test_a_repeated_request_id_returns_the_first_job_unless_that_was_deleted(store: JobStore) -> None:
    first, _ = store.add(make_job("job-1", request_id="r"), b"")
    assert store.add(make_job("job-2", request_id="r"), b"") == (first, False)
    assert store.add(make_job("job-3", project="other", request_id="r"), b"")[1]
    assert store.find_request("demo", "r") == first
    assert store.find_request("demo", "") is None
    store.update(first, jobs.deleted)
    assert store.find_request("demo", "r") is None
    assert store.add(make_job("job-4", request_id="r"), b"")[1]


def test_missing_and_deleted_jobs_are_not_found(store: JobStore) -> None:
    job, _ = store.add(make_job(), b"")
    store.update(job, jobs.deleted)
    gone = make_job(sequence=99)
    calls: list[Callable[[], object]] = [
        lambda: store.get("demo", "job-1"),
        lambda: store.get("demo", "job-9"),
        lambda: store.update(gone, lambda job: job),
        lambda: store.add_part(gone, part(0, 0), lambda job: job),
        lambda: store.spec(gone),
    ]
    for call in calls:
        with pytest.raises(NotFoundError):
            call()
    assert store.page("demo", size=9, before=None) == []


def test_pages_show_the_newest_first_within_a_project(store: JobStore) -> None:
    for i in range(5):
        store.add(make_job(f"job-{i}"), b"")
    store.add(make_job("job-x", project="other"), b"")
    page = store.page("demo", size=2, before=None)
    assert [job.id for job in page] == ["job-4", "job-3"]
    assert [job.id for job in store.page("demo", size=9, before=page[-1].sequence)] == ["job-2", "job-1", "job-0"]


def test_unfinished_jobs_are_found_oldest_first(store: JobStore) -> None:
    a, b, c, d = (store.add(make_job(f"job-{i}"), b"")[0] for i in range(4))
    store.update(a, lambda job: jobs.cancel_requested(job, NOW))
    store.update(b, lambda job: jobs.claimed(job, Lease(), "me", NOW))
    store.update(d, jobs.deleted)
    assert [(job.id, job.state) for job in store.unfinished()] == [
        (b.id, JobState.RUNNING),
        (c.id, JobState.QUEUED),
        (d.id, JobState.DELETED),
    ]


def test_a_part_is_stored_with_its_change_or_not_at_all(store: JobStore) -> None:
    job, _ = store.add(make_job(), b"")
    job = store.update(job, lambda job: jobs.claimed(job, Lease(), "me", NOW))
    for number in range(3):
        here = part(number, 3 * number)
        job = store.add_part(job, here, lambda job, here=here: jobs.advanced(job, "me", here))  # type: ignore[misc]
    for owner, wrong in (("other", part(3, 9)), ("me", part(2, 6)), ("me", part(4, 9)), ("me", part(3, 8))):
        with pytest.raises(LeaseLostError):
            store.add_part(job, wrong, lambda job, o=owner, w=wrong: jobs.advanced(job, o, w))  # type: ignore[misc]
    assert store.get("demo", "job-1").progress == Progress("", 9, 0, 3, 27)
    assert store.parts(job, position=0, limit=9) == [part(0, 0), part(1, 3), part(2, 6)]
    assert store.parts(job, position=3, limit=1) == [part(1, 3)]
    assert store.parts(job, position=5, limit=9) == [part(1, 3), part(2, 6)]
    assert store.parts(job, position=9, limit=9) == []


def test_removed_jobs_are_gone_with_their_parts(store: JobStore) -> None:
    job, _ = store.add(make_job(), b"")
    store.add_part(job, part(0, 0), lambda job: job)
    store.remove(job)
    store.remove(job)
    assert store.parts(job, position=0, limit=9) == []
    assert store.unfinished() == []


def test_a_database_that_is_away_is_said_so(tmp_path: Path) -> None:
    engine = connect(f"sqlite:///{tmp_path}/inference.db")
    store = SqlJobStore(engine)
    job, _ = store.add(make_job(), b"")
    with engine.begin() as connection:
        connection.execute(sa.text("DROP TABLE inference_job_parts"))
        connection.execute(sa.text("DROP TABLE inference_jobs"))
    calls: list[Callable[[], object]] = [
        lambda: store.add(make_job("job-2"), b""),
        lambda: store.get("demo", "job-1"),
        lambda: store.spec(job),
        lambda: store.unfinished(),
        lambda: store.update(job, lambda job: job),
        lambda: store.parts(job, position=0, limit=1),
        lambda: store.remove(job),
    ]
    for call in calls:
        with pytest.raises(UnavailableError) as caught:
            call()
        assert caught.value.reason == "DATABASE_UNAVAILABLE"
    store.close()


def test_the_migrations_lead_to_the_tables_that_are_used(tmp_path: Path) -> None:
    engine = connect(f"sqlite:///{tmp_path}/inference.db")
    SqlJobStore(engine)
    SqlJobStore(engine)  # a second start finds nothing to do
    for name, table in metadata.tables.items():
        assert {column["name"] for column in sa.inspect(engine).get_columns(name)} == {
            column.name for column in table.columns
        }
    engine.dispose()
