"""A real registry with pictures, and what is asked of trainers on top of it."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from framecast.transport import open_channel
from framecast.v1 import (
    model_pb2,
    registry_service_pb2,
    registry_service_pb2_grpc,
    trainer_service_pb2,
    trainer_service_pb2_grpc,
    training_job_pb2,
)
from tests.support.labelled_pictures import PROJECT, put_pictures
from tests.support.registry_server import RegistryHandle, registry

ENDED = (
    training_job_pb2.TrainingJob.SUCCEEDED,
    training_job_pb2.TrainingJob.FAILED,
    training_job_pb2.TrainingJob.CANCELLED,
)


class Caller:
    """A client of one trainer and its registry."""

    def __init__(self, trainer: grpc.Channel, registry_channel: grpc.Channel) -> None:
        self.trainer: Any = trainer_service_pb2_grpc.TrainerServiceStub(trainer)
        self.registry: Any = registry_service_pb2_grpc.RegistryServiceStub(registry_channel)

    def create(self, dataset_version: str, architecture: str = "yolov5n", **fields: Any) -> Any:
        config = training_job_pb2.TrainingConfig(**fields.pop("config", {}))
        job = training_job_pb2.TrainingJob(
            model=f"{PROJECT}/models/squares",
            dataset_version=dataset_version,
            architecture=architecture,
            config=config,
        )
        return self.trainer.CreateTrainingJob(
            trainer_service_pb2.CreateTrainingJobRequest(parent=PROJECT, training_job=job, **fields)
        )

    def get(self, name: str) -> Any:
        return self.trainer.GetTrainingJob(trainer_service_pb2.GetTrainingJobRequest(name=name))

    def watch(self, name: str) -> Iterator[Any]:
        return iter(self.trainer.WatchTrainingJob(trainer_service_pb2.WatchTrainingJobRequest(name=name)))

    def ended(self, name: str) -> Any:
        return list(self.watch(name))[-1]

    def until(self, name: str, condition: Any) -> Any:
        deadline = time.monotonic() + 30
        while not condition(job := self.get(name)):
            assert time.monotonic() < deadline, job
            assert job.state not in ENDED, job
            time.sleep(0.05)
        return job

    def version(self, name: str) -> Any:
        return self.registry.GetModelVersion(registry_service_pb2.GetModelVersionRequest(name=name))

    def version_in_state(self, name: str, state: "model_pb2.ModelVersion.State.ValueType") -> Any:
        """The registry hears of failures a moment later."""
        deadline = time.monotonic() + 10
        while (version := self.version(name)).state != state:
            assert time.monotonic() < deadline, version
            time.sleep(0.05)
        return version

    def versions(self) -> list[Any]:
        request = registry_service_pb2.ListModelVersionsRequest(parent=f"{PROJECT}/models/squares")
        return list(self.registry.ListModelVersions(request).model_versions)


@pytest.fixture
def running_registry(tmp_path: Path) -> Iterator[RegistryHandle]:
    with registry(tmp_path) as handle:
        yield handle


@pytest.fixture
def boxes(running_registry: RegistryHandle) -> str:
    """A dataset version of twelve pictures with a box each."""
    return put_pictures(running_registry.address, "squares", labels="box")


@pytest.fixture
def call(running_registry: RegistryHandle) -> Iterator[Any]:
    """`call(address)`: a Caller of the trainer there."""
    channels = []

    def connect(address: str) -> Caller:
        channels.extend([open_channel(address), open_channel(running_registry.address)])
        return Caller(*channels[-2:])

    yield connect
    for channel in channels:
        channel.close()
