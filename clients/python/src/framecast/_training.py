"""Starting training jobs and finding them again."""

from collections.abc import Iterator
from pathlib import Path

from framecast import names
from framecast._blobs import Blobs
from framecast._connection import Connection, pages, request_id
from framecast._convert_models import config_to_proto, update_from_proto
from framecast._dataset_types import Dataset, DatasetVersion
from framecast._datasets import Datasets, ImportReport
from framecast._jobs import Job
from framecast._training_types import TrainingUpdate
from framecast.v1 import trainer_service_pb2, training_job_pb2


class Training:
    """`client.training`."""

    def __init__(self, connection: Connection, datasets: Datasets, blobs: Blobs) -> None:
        self._connection = connection
        self._datasets = datasets
        self._blobs = blobs

    def start(
        self,
        dataset: str | Dataset | DatasetVersion | ImportReport,
        *,
        architecture: str,
        model: str | None = None,
        epochs: int | None = None,
        image_size: int | None = None,
        batch_size: int | None = None,
        learning_rate: float | None = None,
        weight_decay: float | None = None,
        max_duration_s: float | None = None,
        device: str | None = None,
        weights: str | Path | None = None,
        backbone: str | None = None,
        augment: bool | None = None,
        seed: int | None = None,
    ) -> Job:
        """Queues a job that trains a new version of `model` and returns at once.

        What is None takes the architecture's default. `dataset` is `cars` (its latest version), `cars/2`, or an
        object; `model` defaults to the dataset's id. `device` is `auto`, `cpu` or `cuda`. `weights` is a
        name of torchvision's, `random`, or a file, which is uploaded. Training ends after `max_duration_s` seconds
        at the latest; export comes on top.
        """
        version = self._datasets.resolve_version(dataset)
        dataset_id = names.DATASET_VERSION.parse(version)["dataset"]
        model_name = self._model(model or dataset_id)
        config = config_to_proto(
            {
                "epochs": epochs,
                "image_size": image_size,
                "batch_size": batch_size,
                "learning_rate": learning_rate,
                "weight_decay": weight_decay,
                "max_duration_s": max_duration_s,
                "device": device,
                "weights": self._weights(weights),
                "backbone": backbone,
                "augment": augment,
                "seed": seed,
            }
        )
        request = trainer_service_pb2.CreateTrainingJobRequest(
            parent=self._connection.parent,
            training_job=training_job_pb2.TrainingJob(
                model=model_name,
                dataset_version=version,
                architecture=architecture,
                config=config,
            ),
            request_id=request_id(),
        )
        return Job(self._connection, update_from_proto(self._connection.trainer.CreateTrainingJob(request)))

    def get(self, job: str) -> Job:
        """The job with this name or id. Raises NotFoundError."""
        name = job
        if not names.TRAINING_JOB.matches(job):
            name = names.TRAINING_JOB.format(project=self._connection.project, training_job=job)
        request = trainer_service_pb2.GetTrainingJobRequest(name=name)
        return Job(self._connection, update_from_proto(self._connection.trainer.GetTrainingJob(request)))

    def list(self) -> Iterator[TrainingUpdate]:
        """All jobs of the project, the newest first."""
        request = trainer_service_pb2.ListTrainingJobsRequest(parent=self._connection.parent)
        return map(update_from_proto, pages(self._connection.trainer.ListTrainingJobs, request, "training_jobs"))

    def _weights(self, weights: str | Path | None) -> str | None:
        if weights is None or (isinstance(weights, str) and not _looks_like_a_file(weights)):
            return weights
        return self._blobs.upload(Path(weights))

    def _model(self, model: str) -> str:
        if names.MODEL.matches(model):
            return model
        return names.MODEL.format(project=self._connection.project, model=names.check_id(model, field="model"))


def _looks_like_a_file(weights: str) -> bool:
    if names.BLOB.matches(weights):
        return False
    return Path(weights).is_file() or Path(weights).suffix.lower() in {".pkl", ".pt", ".pth", ".safetensors", ".th"}
