"""The service over the wire, with workers that only pretend to learn."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from framecast.errors import FailedPreconditionError, InvalidArgumentError, NotFoundError, OutOfRangeError
from framecast.v1 import model_pb2, registry_service_pb2, trainer_service_pb2, training_job_pb2
from framecast_trainer.library import LIBRARY
from tests.support.labelled_pictures import PROJECT, put_pictures
from tests.support.registry_server import RegistryHandle
from tests.support.trainer_server import stand_in, trainer

Job = training_job_pb2.TrainingJob


@pytest.fixture
def caller(tmp_path: Path, running_registry: RegistryHandle, call: Any) -> Iterator[Any]:
    """A trainer whose jobs succeed in a moment."""
    command = stand_in("quick")
    address, store = running_registry.address, running_registry.object_store_url
    with trainer(tmp_path, address, store, worker_command=command) as handle:
        yield call(handle.address)


def test_a_job_ends_with_a_trained_version(caller: Any, boxes: str) -> None:
    created = caller.create(boxes, config={"epochs": 2})
    assert (created.state, created.config.epochs, created.config.image_size) == (Job.QUEUED, 2, 640)
    assert created.config.HasField("learning_rate")
    job = caller.ended(created.name)
    assert (job.state, job.progress.fraction) == (Job.SUCCEEDED, 1.0)
    assert job.metrics["mAP50"] == 0.5
    version = caller.version(job.model_version)
    assert version.state == model_pb2.ModelVersion.TRAINED
    assert (version.training_job, version.dataset_version) == (job.name, boxes)
    assert dict(version.metrics) == {"mAP50": 0.5}
    model = caller.registry.GetModel(registry_service_pb2.GetModelRequest(name=f"{PROJECT}/models/squares"))
    assert model.latest_trained_version == version.name


def test_logs_and_metrics_can_be_followed_and_read_again(caller: Any, boxes: str) -> None:
    job = caller.create(boxes)
    logs = trainer_service_pb2.ReadTrainingLogsRequest(name=job.name, follow=True)
    text = b"".join(part.data for part in caller.trainer.ReadTrainingLogs(logs)).decode()
    assert "step 3 µ" in text
    request = trainer_service_pb2.ReadTrainingMetricsRequest(name=job.name, follow=True)
    points = [point for part in caller.trainer.ReadTrainingMetrics(request) for point in part.points]
    assert [point.step for point in points if point.metric == "loss"] == [1, 2, 3]
    assert points[0].time.seconds > 1_700_000_000
    assert caller.ended(job.name).state == Job.SUCCEEDED
    rest = trainer_service_pb2.ReadTrainingMetricsRequest(name=job.name, offset=2)
    assert [part.offset for part in caller.trainer.ReadTrainingMetrics(rest)] == [2]
    beyond = trainer_service_pb2.ReadTrainingLogsRequest(name=job.name, offset_bytes=10_000)
    with pytest.raises(OutOfRangeError):
        list(caller.trainer.ReadTrainingLogs(beyond))


def test_a_request_id_makes_one_job_of_two_calls(caller: Any, boxes: str) -> None:
    first = caller.create(boxes, request_id="once")
    assert caller.create(boxes, request_id="once").name == first.name
    assert caller.ended(first.name).state == Job.SUCCEEDED
    assert len(caller.versions()) == 1


def test_jobs_are_listed_newest_first_in_pages(caller: Any, boxes: str) -> None:
    names = [caller.create(boxes).name for _ in range(3)]
    request = trainer_service_pb2.ListTrainingJobsRequest(parent=PROJECT, page_size=2)
    page = caller.trainer.ListTrainingJobs(request)
    request.page_token = page.next_page_token
    rest = caller.trainer.ListTrainingJobs(request)
    assert [job.name for job in [*page.training_jobs, *rest.training_jobs]] == names[::-1]
    assert rest.next_page_token == ""
    for token, size in (("nonsense", 0), ("WyJ4Il0=", 0), ("", -1)):
        with pytest.raises(InvalidArgumentError):
            caller.trainer.ListTrainingJobs(
                trainer_service_pb2.ListTrainingJobsRequest(parent=PROJECT, page_token=token, page_size=size)
            )


def test_architectures_are_listed_with_their_defaults(caller: Any) -> None:
    request = trainer_service_pb2.ListArchitecturesRequest(page_size=7)
    found: dict[str, Any] = {}
    pages = 0
    while pages == 0 or request.page_token:
        page = caller.trainer.ListArchitectures(request)
        found |= {entry.id: entry for entry in page.architectures}
        request.page_token, pages = page.next_page_token, pages + 1
    assert set(found) == set(LIBRARY)
    assert pages == math.ceil(len(LIBRARY) / 7)
    assert found["yolov5n"].defaults.epochs == 60
    assert found["mask_rcnn"].backbones[0] == found["mask_rcnn"].defaults.backbone


def test_what_cannot_work_is_refused_by_field(caller: Any, boxes: str, running_registry: RegistryHandle) -> None:
    for config, field in (({"epochs": 0}, "epochs"), ({"learning_rate": math.nan}, "learning_rate")):
        with pytest.raises(InvalidArgumentError) as caught:
            caller.create(boxes, config=config)
        assert caught.value.field == f"training_job.config.{field}"
    with pytest.raises(InvalidArgumentError, match="did you mean yolov5 or yolov5n"):
        caller.create(boxes, "yolov5nano")
    with pytest.raises(InvalidArgumentError) as caught:
        caller.create("squares")
    assert caught.value.field == "training_job.dataset_version"
    with pytest.raises(InvalidArgumentError, match="project"):
        caller.create("projects/other/datasets/squares/versions/1")
    with pytest.raises(NotFoundError):
        caller.create(f"{PROJECT}/datasets/squares/versions/9")
    with pytest.raises(FailedPreconditionError, match="a polygon or mask"):
        caller.create(boxes, "mask_rcnn")
    with pytest.raises(FailedPreconditionError, match="exactly one label"):
        caller.create(boxes, "resnet18")
    with pytest.raises(FailedPreconditionError, match="no validation items"):
        caller.create(put_pictures(running_registry.address, "train-only", labels="box", validation=0))
    weights = f"{PROJECT}/blobs/{'0' * 64}"
    with pytest.raises(NotFoundError, match="upload the file first"):
        caller.create(boxes, config={"weights": weights})
    with pytest.raises(NotFoundError):
        caller.get(f"{PROJECT}/trainingJobs/none")
    request = trainer_service_pb2.ListTrainingJobsRequest(parent=PROJECT)
    assert not caller.trainer.ListTrainingJobs(request).training_jobs


@pytest.mark.parametrize(
    ("mode", "reason", "text"),
    [
        ("refuse", "LOSS_NOT_FINITE", "the loss is no number"),
        ("crash", "TRAINING_CRASHED", "KeyError"),
        ("vanish", "WORKER_LOST", "the last words"),
    ],
)
def test_a_failed_job_says_why_and_so_does_its_version(
    tmp_path: Path, running_registry: RegistryHandle, call: Any, boxes: str, mode: str, reason: str, text: str
) -> None:
    from framecast.status import from_status

    address, store = running_registry.address, running_registry.object_store_url
    with trainer(tmp_path, address, store, worker_command=stand_in(mode)) as handle:
        caller = call(handle.address)
        job = caller.ended(caller.create(boxes).name)
        assert job.state == Job.FAILED
        version = caller.version_in_state(job.model_version, model_pb2.ModelVersion.FAILED)
    for status in (job.error, version.error):
        error = from_status(status)
        assert error.reason == reason
        assert text in error.message


def test_cancelling_stops_running_and_queued_jobs(
    tmp_path: Path, running_registry: RegistryHandle, call: Any, boxes: str
) -> None:
    address, store = running_registry.address, running_registry.object_store_url
    with trainer(tmp_path, address, store, worker_command=stand_in("endless")) as handle:
        caller = call(handle.address)
        running, queued = caller.create(boxes), caller.create(boxes)
        caller.until(running.name, lambda job: job.progress.step)
        for job in (queued, running):
            caller.trainer.CancelTrainingJob(trainer_service_pb2.CancelTrainingJobRequest(name=job.name))
        assert caller.get(queued.name).state == Job.CANCELLED
        ended = caller.ended(running.name)
        assert ended.state == Job.CANCELLED
        again = caller.trainer.CancelTrainingJob(trainer_service_pb2.CancelTrainingJobRequest(name=running.name))
        assert again == ended
        for job in (queued, running):
            caller.version_in_state(job.model_version, model_pb2.ModelVersion.FAILED)
