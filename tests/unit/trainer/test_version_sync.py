from dataclasses import replace
from typing import Any

import pytest

from framecast.errors import DeadlineExceededError, FailedPreconditionError
from framecast_runtime.changes import Changes
from framecast_trainer import job as jobs
from framecast_trainer.job import Job, JobError, JobState, VersionState
from framecast_trainer.memory_job_store import MemoryJobStore
from framecast_trainer.version_sync import VersionSync
from tests.support.memory_registry import MemoryRegistry, Version
from tests.unit.trainer.jobs import NOW, make_job, wait_for


class World:
    def __init__(self) -> None:
        self.store = MemoryJobStore()
        self.registry = MemoryRegistry()
        self.sync = VersionSync(self.store, self.registry, Changes(), lambda: NOW, retry_s=0.01)

    def add(self, job: Job) -> Job:
        return self.store.add(job)[0]

    def latest(self, job: Job) -> Job:
        return self.store.get(job.project, job.id)

    def version(self, job: Job) -> Version:
        return self.registry.versions[self.latest(job).model_version]


@pytest.fixture
def world() -> World:
    return World()


def run_to_bundle(world: World) -> Job:
    job = world.add(make_job())
    world.sync.sync()
    return world.store.update(job, lambda job: jobs.trained(jobs.started(job, NOW), "ab" * 32, {"mAP50": 0.5}))


def test_a_version_follows_its_job_to_the_end(world: World) -> None:
    job = world.add(make_job())
    world.sync.sync()
    assert world.version(job).state == "CREATED"
    world.store.update(job, lambda job: jobs.started(job, NOW))
    world.sync.sync()
    assert world.version(job).state == "TRAINING"
    world.store.update(job, lambda job: jobs.trained(job, "ab" * 32, {"mAP50": 0.5}))
    world.sync.sync()
    assert (world.version(job).state, world.version(job).bundle) == ("TRAINED", "ab" * 32)
    assert world.version(job).metrics == {"mAP50": 0.5}
    assert world.latest(job).state is JobState.SUCCEEDED
    assert world.store.unsettled() == []


def test_a_registry_that_is_away_delays_success_and_nothing_else(world: World) -> None:
    job = run_to_bundle(world)
    world.registry.away = True
    assert not world.sync.sync()
    assert world.latest(job).state is JobState.RUNNING
    world.registry.away = False
    assert world.sync.sync()
    assert world.latest(job).state is JobState.SUCCEEDED


def test_publishing_may_be_repeated_after_a_crash(world: World) -> None:
    job = run_to_bundle(world)
    world.store.update(job, lambda job: replace(job, version_state=VersionState.TRAINING))
    world.registry.start_version(job.model_version)
    world.registry.complete_version(job.model_version, "ab" * 32, {})  # and then the trainer was killed
    world.sync.sync()
    assert world.latest(job).state is JobState.SUCCEEDED
    assert len(world.registry.versions) == 1


def test_a_refused_bundle_fails_the_job_with_the_registrys_reason(world: World) -> None:
    job = run_to_bundle(world)
    world.registry.refuse_completion = FailedPreconditionError("network.onnx is missing", reason="BUNDLE_FILE_MISSING")
    world.sync.sync()
    world.sync.sync()
    error = world.latest(job).error
    assert error is not None
    assert error.reason == "BUNDLE_FILE_MISSING"
    assert world.version(job).state == "FAILED"
    assert world.store.unsettled() == []


def test_failed_and_cancelled_jobs_fail_their_versions(world: World) -> None:
    failed, cancelled = world.add(make_job("job-1")), world.add(make_job("job-2"))
    world.store.update(failed, lambda job: jobs.failed(job, JobError("InternalError", "WORKER_LOST", "gone"), NOW))
    world.store.update(cancelled, lambda job: jobs.cancelled(job, NOW))
    world.sync.sync()
    assert world.version(failed).error == JobError("InternalError", "WORKER_LOST", "gone")
    error = world.version(cancelled).error
    assert error is not None
    assert error.reason == "TRAINING_CANCELLED"
    assert world.latest(failed).version_state is VersionState.FAILED
    assert world.store.unsettled() == []


@pytest.mark.parametrize("trouble", [DeadlineExceededError("slow"), ValueError("a defect")])
def test_one_jobs_trouble_is_not_the_others(world: World, monkeypatch: pytest.MonkeyPatch, trouble: Exception) -> None:
    first, second = world.add(make_job("job-1")), world.add(make_job("job-2"))
    reserve = world.registry.reserve_version

    def some(**fields: Any) -> str:
        if fields["training_job"] == first.name:
            raise trouble
        return reserve(**fields)

    monkeypatch.setattr(world.registry, "reserve_version", some)
    assert not world.sync.sync()
    assert world.latest(first).model_version == ""
    assert world.version(second).state == "CREATED"


def test_the_thread_works_through_an_absence_and_ends(world: World) -> None:
    job = run_to_bundle(world)
    world.registry.away = True
    world.sync.start()
    world.registry.away = False
    wait_for(lambda: world.latest(job).state is JobState.SUCCEEDED)
    world.sync.stop()
    assert world.version(job).completions == 1
