"""The scheduler with real worker processes and everything else in memory."""

import os
import signal
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from framecast.errors import UnavailableError
from framecast_runtime.changes import Changes
from framecast_trainer import job as jobs
from framecast_trainer.job import Job, JobState, VersionState
from framecast_trainer.launcher import Run
from framecast_trainer.local_launcher import LocalLauncher
from framecast_trainer.memory_job_store import MemoryJobStore
from framecast_trainer.run_folder import RunFolder
from framecast_trainer.run_spec import RunSpec
from framecast_trainer.scheduler import Scheduler
from tests.support import stand_in_worker
from tests.unit.trainer.jobs import NOW, make_job, wait_for


class World:
    """A trainer's inside that can be abandoned, as a killed process would, and begun again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = MemoryJobStore()
        self.schedulers: list[Scheduler] = []

    def begin(self, mode: str, max_parallel_jobs: int = 1) -> Scheduler:
        command = [sys.executable, stand_in_worker.__file__, mode]
        self.changes = Changes()
        scheduler = Scheduler(
            self.store,
            LocalLauncher(self.folder, command),
            self.changes,
            self.spec_of,
            max_parallel_jobs=max_parallel_jobs,
            poll_s=0.02,
            stop_grace_s=0.5,
            shutdown_grace_s=1.0,
        )
        self.schedulers.append(scheduler)
        return scheduler

    def spec_of(self, job: Job) -> RunSpec:
        return RunSpec(
            project=job.project,
            job_id=job.id,
            training_job=job.name,
            model_version=job.model_version,
            dataset_version=job.dataset_version,
            dataset_digest=job.dataset_digest,
            architecture=job.architecture,
            config=job.config,
            registry_address="",
            object_store_url=f"file://{self.folder}/store",
        )

    def add(self, job_id: str = "job-1") -> Job:
        version = f"projects/demo/models/cars/versions/{job_id}"
        return self.store.add(make_job(job_id, model_version=version, version_state=VersionState.CREATED))[0]

    def latest(self, job: Job) -> Job:
        return self.store.get(job.project, job.id)

    def run(self, job: Job) -> RunFolder:
        return RunFolder(self.folder / "runs" / job.project / job.id)

    def reason(self, job: Job) -> str:
        error = self.latest(job).error
        return error.reason if error else ""


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    for scheduler in world.schedulers:
        scheduler._stopping.set()
    for job in world.store.page("demo", size=100, before=None):
        if (pid := world.run(job).worker_pid()) and world.run(job).locked():
            os.killpg(pid, signal.SIGKILL)


def turn(scheduler: Scheduler, until: object) -> None:
    """Ticks until `until()`."""
    wait_for(lambda: (scheduler.tick(), until())[1])  # type: ignore[operator]


def test_a_job_runs_in_a_process_of_its_own_and_ends_with_a_bundle(world: World) -> None:
    job, scheduler = world.add(), world.begin("quick")
    turn(scheduler, lambda: world.latest(job).publishing)
    job = world.latest(job)
    assert (job.progress.phase, job.metrics["mAP50"], len(job.bundle)) == ("publishing", 0.5, 64)
    assert job.bundle_metrics == {"mAP50": 0.5}
    assert b"step 3 \xc2\xb5" in world.run(job).log(0, 10_000)
    turn(scheduler, lambda: not world.run(job).locked())


def test_jobs_run_one_after_the_other_oldest_first(world: World) -> None:
    first, second, scheduler = world.add("job-1"), world.add("job-2"), world.begin("endless")
    scheduler.tick()
    assert [world.latest(job).state for job in (first, second)] == [JobState.RUNNING, JobState.QUEUED]
    world.store.update(first, lambda job: jobs.cancel_requested(job, NOW))
    turn(scheduler, lambda: world.latest(second).state is JobState.RUNNING)
    assert world.latest(first).state is JobState.CANCELLED
    assert not world.run(first).locked()
    turn(scheduler, lambda: world.run(second).worker_pid())  # so that it can be stopped behind the test


def test_a_job_without_a_version_waits(world: World) -> None:
    job = world.store.add(make_job("job-1"))[0]
    assert not world.begin("quick").tick()
    assert world.latest(job).state is JobState.QUEUED


def test_a_deaf_worker_is_ended_when_its_grace_is_over(world: World) -> None:
    job, scheduler = world.add(), world.begin("deaf")
    turn(scheduler, lambda: world.latest(job).progress.step)
    world.store.update(job, lambda job: jobs.cancel_requested(job, NOW))
    turn(scheduler, lambda: world.latest(job).state is JobState.CANCELLED)
    assert not world.run(job).locked()


@pytest.mark.parametrize(
    ("mode", "kind", "reason", "text"),
    [
        ("refuse", "FailedPreconditionError", "LOSS_NOT_FINITE", "the loss is no number"),
        ("crash", "InternalError", "TRAINING_CRASHED", "KeyError: 'crash'"),
        ("vanish", "InternalError", "WORKER_LOST", "exited with code 7; its last log lines:\nthe last words"),
    ],
)
def test_failures_keep_their_reason(world: World, mode: str, kind: str, reason: str, text: str) -> None:
    job, scheduler = world.add(), world.begin(mode)
    turn(scheduler, lambda: world.latest(job).state is JobState.FAILED)
    error = world.latest(job).error
    assert error is not None
    assert (error.kind, error.reason) == (kind, reason)
    assert text in error.message
    if mode == "crash":
        assert b"Traceback" in world.run(job).log(0, 10_000)


def test_a_killed_worker_is_lost_with_the_signal_named(world: World) -> None:
    job, scheduler = world.add(), world.begin("endless")
    turn(scheduler, lambda: world.latest(job).progress.step)
    pid = world.run(job).worker_pid()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    turn(scheduler, lambda: world.latest(job).state is JobState.FAILED)
    error = world.latest(job).error
    assert error is not None
    assert (error.reason, error.metadata) == ("WORKER_LOST", {"signal": "SIGKILL"})
    assert "was killed by SIGKILL" in error.message


def test_a_worker_survives_its_scheduler_and_is_found_again(world: World) -> None:
    job, first = world.add(), world.begin("slow")
    turn(first, lambda: world.latest(job).progress.step)
    pid, second = world.run(job).worker_pid(), world.begin("vanish")
    turn(second, lambda: world.latest(job).publishing)
    assert world.run(job).worker_pid() == pid


def test_a_worker_that_ended_unseen_is_taken_at_its_word(world: World) -> None:
    done, dead, first = world.add("job-1"), world.add("job-2"), world.begin("slow", max_parallel_jobs=2)
    turn(first, lambda: world.run(dead).worker_pid())
    pid = world.run(dead).worker_pid()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not world.run(done).locked() and not world.run(dead).locked())
    second = world.begin("vanish")
    second.tick()
    assert world.latest(done).publishing
    assert world.reason(dead) == "WORKER_LOST"


def test_a_worker_that_was_started_before_its_row_said_so_is_not_started_twice(world: World) -> None:
    job, first = world.add(), world.begin("endless")
    turn(first, lambda: world.run(job).worker_pid())
    world.store.update(job, lambda job: replace(job, state=JobState.QUEUED, start_time=None))  # the note was lost
    second = world.begin("vanish")
    turn(second, lambda: world.latest(job).progress.step)
    assert world.latest(job).state is JobState.RUNNING


def test_the_worker_of_a_job_that_was_cancelled_while_it_was_launched_is_tidied_away(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = world.add()
    scratch = world.run(job).scratch
    scratch.mkdir(parents=True)

    def cancel_and_tell(asked: Job) -> RunSpec:
        world.store.update(asked, lambda job: jobs.cancel_requested(job, NOW))
        return World.spec_of(world, asked)

    monkeypatch.setattr(world, "spec_of", cancel_and_tell)
    turn(world.begin("endless"), lambda: not scratch.exists())
    assert world.latest(job).state is JobState.CANCELLED
    assert not world.run(job).locked()


def test_a_job_that_cannot_be_launched_fails(world: World) -> None:
    job, scheduler = world.add(), world.begin("quick")
    (world.folder / "runs").write_text("in the way")
    scheduler.tick()
    assert world.reason(job) == "WORKER_NOT_STARTED"


def test_stopping_the_trainer_stops_its_workers_and_keeps_the_queue(world: World) -> None:
    running, queued, scheduler = world.add("job-1"), world.add("job-2"), world.begin("endless")
    scheduler.start()
    wait_for(lambda: world.latest(running).progress.step)
    scheduler.stop()
    assert world.reason(running) == "TRAINER_STOPPED"
    assert not world.run(running).locked()
    assert world.latest(queued).state is JobState.QUEUED


def test_stopping_ends_deaf_workers_too(world: World) -> None:
    job, scheduler = world.add(), world.begin("deaf")
    scheduler.start()
    wait_for(lambda: world.latest(job).progress.step)
    scheduler.stop()
    assert world.reason(job) == "TRAINER_STOPPED"
    assert not world.run(job).locked()


def test_workers_are_stopped_although_the_database_is_away(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    job, scheduler = world.add(), world.begin("endless")
    scheduler.start()
    wait_for(lambda: world.latest(job).progress.step)

    def away() -> Sequence[Job]:
        raise UnavailableError("away")

    with monkeypatch.context() as patched:
        patched.setattr(world.store, "open", away)
        scheduler.stop()
    assert not world.run(job).locked()
    turn(world.begin("endless"), lambda: world.latest(job).state is JobState.FAILED)
    assert world.reason(job) == "TRAINER_STOPPED"


def test_a_job_that_raises_keeps_no_other_from_running(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second, scheduler = world.add("job-1"), world.add("job-2"), world.begin("quick", max_parallel_jobs=2)
    scheduler.tick()
    healthy = scheduler._run

    def broken(job: Job) -> Run:
        if job.name == first.name:
            raise ValueError("its run folder is damaged")
        return healthy(job)

    monkeypatch.setattr(scheduler, "_run", broken)
    turn(scheduler, lambda: world.latest(second).publishing)
    assert world.latest(first).state is JobState.RUNNING


def test_a_job_that_cannot_be_launched_keeps_no_other_from_running(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = world.add("job-1"), world.add("job-2")
    scheduler, spec_of = world.begin("quick"), world.spec_of

    def broken(job: Job) -> RunSpec:
        if job.name == first.name:
            raise ValueError("a defect")
        return spec_of(job)

    monkeypatch.setattr(scheduler, "_spec_of", broken)
    turn(scheduler, lambda: world.latest(second).publishing)
    assert world.latest(first).state is JobState.QUEUED
