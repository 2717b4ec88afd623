from typing import Any

import pytest

from framecast.errors import (
    DeadlineExceededError,
    FailedPreconditionError,
    FramecastError,
    InvalidArgumentError,
    NotFoundError,
    ResourceExhaustedError,
    UnavailableError,
)
from framecast_runtime.changes import Changes
from framecast_trainer.job import Device, JobState, VersionState
from framecast_trainer.job_queue import JobQueue
from framecast_trainer.job_request import ConfigRequest, JobRequest
from framecast_trainer.memory_job_store import MemoryJobStore
from tests.support.memory_registry import DATASET, LABEL, MemoryRegistry, items


class NoCuda:
    def available(self) -> bool:
        return False


class World:
    def __init__(self) -> None:
        self.store = MemoryJobStore()
        self.registry = MemoryRegistry()
        self.changes = Changes()
        self.queue = JobQueue(self.store, self.registry, NoCuda(), self.changes)


@pytest.fixture
def world() -> World:
    return World()


def request(**fields: Any) -> JobRequest:
    defaults = {
        "project": "demo",
        "model": "projects/demo/models/cars",
        "dataset_version": DATASET,
        "architecture": "yolov5n",
    }
    return JobRequest(**{**defaults, **fields})


def test_a_job_is_queued_with_its_config_resolved_and_its_version_reserved(world: World) -> None:
    job = world.queue.create(request())
    assert (job.state, job.version_state) == (JobState.QUEUED, VersionState.CREATED)
    assert job.model_version == "projects/demo/models/cars/versions/1"
    assert (job.config.epochs, job.dataset_digest) == (60, "digest")
    assert world.store.open() == [job]
    assert world.changes.count == 1


def test_repeating_a_request_id_creates_nothing(world: World) -> None:
    first = world.queue.create(request(request_id="r"))
    assert world.queue.create(request(request_id="r")) == first
    assert len(world.registry.versions) == 1


def test_a_request_id_of_another_request_is_refused(world: World) -> None:
    world.queue.create(request(request_id="r"))
    for other in (request(request_id="r", config=ConfigRequest(epochs=7)), request(request_id="r", architecture="x")):
        with pytest.raises(InvalidArgumentError) as caught:
            world.queue.create(other)
        assert (caught.value.reason, caught.value.field) == ("REQUEST_ID_REUSED", "request_id")
    assert world.queue.create(request(project="other", request_id="r")).project == "other"


def test_what_cannot_work_is_refused_before_anything_is_written(world: World) -> None:
    world.registry.datasets["labels"] = items(LABEL)
    blob = "projects/demo/blobs/" + "0" * 64
    refusals: list[tuple[type[Exception], JobRequest]] = [
        (InvalidArgumentError, request(architecture="yolov5z")),
        (InvalidArgumentError, request(config=ConfigRequest(epochs=0))),
        (NotFoundError, request(dataset_version="projects/demo/datasets/none/versions/1")),
        (NotFoundError, request(config=ConfigRequest(weights=blob))),
        (FailedPreconditionError, request(dataset_version="labels")),
        (FailedPreconditionError, request(config=ConfigRequest(device=Device.CUDA))),
    ]
    for error, refused in refusals:
        with pytest.raises(error):
            world.queue.create(refused)
    assert world.store.open() == []
    assert world.registry.versions == {}


def test_a_registry_that_is_away_is_said_so(world: World) -> None:
    world.registry.away = True
    with pytest.raises(UnavailableError):
        world.queue.create(request())
    assert world.store.open() == []


def test_a_job_whose_version_is_refused_never_came_to_be(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: object) -> str:
        raise NotFoundError("no project")

    monkeypatch.setattr(world.registry, "reserve_version", refuse)
    with pytest.raises(NotFoundError):
        world.queue.create(request())
    assert world.store.open() == []


@pytest.mark.parametrize("unheard", [UnavailableError, DeadlineExceededError, ResourceExhaustedError])
def test_a_registry_whose_answer_is_not_heard_delays_the_job(
    world: World, monkeypatch: pytest.MonkeyPatch, unheard: type[FramecastError]
) -> None:
    def go(**_: object) -> str:
        raise unheard("gone")

    monkeypatch.setattr(world.registry, "reserve_version", go)
    job = world.queue.create(request())
    assert (job.state, job.model_version) == (JobState.QUEUED, "")
    assert world.store.unsettled() == [job]


def test_a_queued_job_is_cancelled_at_once(world: World) -> None:
    job = world.queue.create(request())
    assert world.queue.cancel("demo", job.id).state is JobState.CANCELLED
    with pytest.raises(NotFoundError):
        world.queue.cancel("demo", "job-none")
