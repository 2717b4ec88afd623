"""What the rules need from the outside: jobs that are kept, a registry, a GPU or none."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol

from framecast.errors import NotFoundError
from framecast_trainer.dataset_facts import DatasetFacts, ItemFacts
from framecast_trainer.job import Job, JobError
from framecast_trainer.library import Task


class JobStore(Protocol):
    """Keeps jobs. Every method is one transaction."""

    def add(self, job: Job) -> tuple[Job, bool]:
        """Stores a new job and gives it its `sequence`.

        Where the project has a job of the same request id (if not empty), returns that one and False instead.
        """

    def get(self, project: str, job_id: str) -> Job:
        """Raises NotFoundError."""

    def find_request(self, project: str, request_id: str) -> Job | None:
        """The job that a request id created."""

    def page(self, project: str, *, size: int, before: int | None) -> Sequence[Job]:
        """The newest first: at most `size` jobs, with a lower sequence than `before`."""

    def open(self) -> Sequence[Job]:
        """All that are queued or running, the oldest first."""

    def unsettled(self) -> Sequence[Job]:
        """All of which the registry does not know everything, the oldest first."""

    def update(self, job: Job, change: Callable[[Job], Job]) -> Job:
        """Replaces the stored job by `change` of it and returns the result. Raises NotFoundError."""

    def remove(self, job: Job) -> None:
        """Forgets a job that never came to be."""


def no_such_job(name: str) -> NotFoundError:
    """What `get` and `update` of every store raise."""
    return NotFoundError(
        f"no training job {name!r}; see `framecast jobs list`", reason="TRAINING_JOB_NOT_FOUND", training_job=name
    )


class Registry(Protocol):
    """The service that knows datasets and models. Raises framecast's errors, UnavailableError among them."""

    def dataset(self, name: str) -> DatasetFacts: ...

    def items(self, dataset_version: str) -> Iterator[ItemFacts]: ...

    def has_blob(self, name: str) -> bool:
        """Whether the project has these bytes."""

    def reserve_version(
        self, *, model: str, architecture: str, task: Task, training_job: str, dataset_version: str, request_id: str
    ) -> str:
        """Name of a new version in state CREATED; the same one for the same request id."""

    def start_version(self, name: str) -> None:
        """CREATED → TRAINING; may be repeated."""

    def complete_version(self, name: str, bundle_sha256: str, metrics: Mapping[str, float]) -> None:
        """→ TRAINED; may be repeated."""

    def fail_version(self, name: str, error: JobError) -> None:
        """→ FAILED; may be repeated."""


class Cuda(Protocol):
    """The accelerator."""

    def available(self) -> bool:
        """Whether training can use one here. May take seconds when it is first asked."""
