"""What jobs need from outside: rows that all replicas share, objects, and what the registry knows."""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from framecast.errors import NotFoundError
from framecast.v1.dataset_pb2 import DatasetItem, DatasetVersion, Subset
from framecast.v1.prediction_set_pb2 import PredictionPart, PredictionSet
from framecast_inference.jobs.job import InferenceJob, ResultPart


class JobStore(Protocol):
    """Keeps jobs. Every method is one transaction; of several replicas that change a job, one goes after the other."""

    def add(self, job: InferenceJob, spec: bytes) -> tuple[InferenceJob, bool]:
        """Stores a new job with its sources and settings, and gives it its `sequence`.

        Where the project has a job of the same request id (if not empty), returns that one and False instead.
        """

    def get(self, project: str, job_id: str) -> InferenceJob:
        """Raises NotFoundError; a DELETED job is not found."""

    def spec(self, job: InferenceJob) -> bytes:
        """What `add` was given. Raises NotFoundError."""

    def find_request(self, project: str, request_id: str) -> InferenceJob | None:
        """The job that a request id created."""

    def page(self, project: str, *, size: int, before: int | None) -> Sequence[InferenceJob]:
        """The newest first: at most `size` jobs that are not DELETED, with a lower sequence than `before`."""

    def unfinished(self) -> Sequence[InferenceJob]:
        """All that are queued, running or DELETED, the oldest first."""

    def update(self, job: InferenceJob, change: Callable[[InferenceJob], InferenceJob]) -> InferenceJob:
        """Replaces the stored job by `change` of it and returns the result; nothing is changed where that raises.

        Raises NotFoundError.
        """

    def add_part(
        self, job: InferenceJob, part: ResultPart, change: Callable[[InferenceJob], InferenceJob]
    ) -> InferenceJob:
        """`update`, and a part of results with it: both or neither."""

    def parts(self, job: InferenceJob, *, position: int, limit: int) -> Sequence[ResultPart]:
        """In order, from the one with the result at `position` on."""

    def remove(self, job: InferenceJob) -> None:
        """Forgets a job with its parts."""


def no_such_job(name: str) -> NotFoundError:
    """What every store raises."""
    return NotFoundError(
        f"no inference job {name!r}; see `framecast inference-jobs list`",
        reason="INFERENCE_JOB_NOT_FOUND",
        inference_job=name,
    )


class ResultObjects(Protocol):
    """Where parts of results lie."""

    def put(self, path: str, data: bytes) -> None: ...
    def get(self, path: str) -> bytes:
        """Raises NotFoundError."""

    def delete(self, path: str) -> None: ...
    def list(self, prefix: str) -> Iterator[tuple[str, int]]:
        """Paths and lengths."""


class DatasetRegistry(Protocol):
    """What the registry knows of datasets."""

    def dataset_version(self, name: str) -> DatasetVersion:
        """Raises NotFoundError."""

    def dataset_items(self, name: str, subset: "Subset.ValueType") -> Iterator[DatasetItem]:
        """In their order. Raises NotFoundError."""


class PredictionRegistry(Protocol):
    """Where predictions of datasets are recorded."""

    def add_prediction_set(
        self, dataset_version: str, set_id: str, made: PredictionSet, parts: Sequence[PredictionPart]
    ) -> str:
        """Records predictions whose parts are stored as blobs; repeating it records nothing twice.

        Returns the set's name. Raises NotFoundError where the dataset version is gone.
        """
