"""What one can ask of training jobs: create, see, list, cancel."""

import hashlib
import secrets
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from framecast.errors import FailedPreconditionError, FramecastError, InvalidArgumentError, NotFoundError
from framecast.names import BLOB
from framecast_runtime.changes import Changes
from framecast_trainer import job as jobs
from framecast_trainer.job import Device, Job, JobConfig
from framecast_trainer.job_request import JobRequest, resolve_config
from framecast_trainer.label_check import check_labels, check_subsets
from framecast_trainer.library import find_architecture
from framecast_trainer.ports import Cuda, JobStore, Registry
from framecast_trainer.version_sync import LATER, reserve


class JobQueue:
    """The rules of creating and cancelling jobs; the scheduler runs them."""

    def __init__(
        self,
        store: JobStore,
        registry: Registry,
        cuda: Cuda,
        changes: Changes,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store = store
        self._registry = registry
        self._cuda = cuda
        self._changes = changes
        self._now = now

    def create(self, request: JobRequest) -> Job:
        """Queues a job that can be expected to work.

        Raises InvalidArgumentError for what is wrong in itself and for a request id of another request, NotFoundError
        for data or weights that do not exist, FailedPreconditionError for data that cannot teach the task or an
        accelerator that is not there.
        """
        if request.request_id:
            earlier = self._store.find_request(request.project, request.request_id)
            if earlier is not None:
                return _same_request(earlier, request)
        architecture = find_architecture(request.architecture)
        config = resolve_config(request.config, architecture, project=request.project)
        self._check_weights(config)
        dataset = self._registry.dataset(request.dataset_version)
        check_subsets(dataset)
        check_labels(dataset, architecture, self._registry.items(request.dataset_version))
        self._check_device(config)
        now = self._now()
        job, new = self._store.add(
            Job(
                project=request.project,
                id=_job_id(request, now),
                model=request.model,
                dataset_version=request.dataset_version,
                dataset_digest=dataset.digest,
                architecture=architecture.id,
                task=architecture.task,
                config=config,
                create_time=now,
                request_id=request.request_id,
                request_fingerprint=_fingerprint(request),
            )
        )
        return self._reserved(job) if new else _same_request(job, request)

    def get(self, project: str, job_id: str) -> Job:
        """Raises NotFoundError."""
        return self._store.get(project, job_id)

    def page(self, project: str, *, size: int, before: int | None) -> Sequence[Job]:
        """The newest first, after the one with sequence `before`."""
        return self._store.page(project, size=size, before=before)

    def cancel(self, project: str, job_id: str) -> Job:
        """Ends a queued job now and a running one soon; one that has ended, or only waits to be published, stays."""
        job = self._store.update(self._store.get(project, job_id), lambda job: jobs.cancel_requested(job, self._now()))
        self._changes.notify()
        return job

    def _reserved(self, job: Job) -> Job:
        """The row is there first, so that a crash in between leaves a job that goes on, not a version without one."""
        try:
            job = reserve(job, self._store, self._registry)
        except LATER:
            pass  # it may have been done: the version sync repeats it when the registry is back
        except FramecastError:
            self._store.remove(job)
            raise
        self._changes.notify()
        return job

    def _check_weights(self, config: JobConfig) -> None:
        if BLOB.matches(config.weights) and not self._registry.has_blob(config.weights):
            raise NotFoundError(
                f"training_job.config.weights: there is no {config.weights!r}; upload the file first",
                reason="WEIGHTS_NOT_FOUND",
                weights=config.weights,
            )

    def _check_device(self, config: JobConfig) -> None:
        if config.device is Device.CUDA and not self._cuda.available():
            raise FailedPreconditionError(
                "training_job.config.device is CUDA, but the trainer's machine has no GPU that PyTorch can use; "
                "leave it at AUTO, or ask for CPU",
                reason="CUDA_NOT_AVAILABLE",
                device="CUDA",
            )


def _fingerprint(request: JobRequest) -> str:
    return hashlib.sha256(repr(replace(request, request_id="")).encode()).hexdigest()


def _same_request(job: Job, request: JobRequest) -> Job:
    """The job that the first request with this id made. Raises InvalidArgumentError where that was another request."""
    if job.request_fingerprint and job.request_fingerprint != _fingerprint(request):
        raise InvalidArgumentError(
            f"request_id {request.request_id!r} was used for another CreateTrainingJob call; take a new one for a new "
            "request",
            reason="REQUEST_ID_REUSED",
            field="request_id",
            request_id=request.request_id,
            method="CreateTrainingJob",
        )
    return job


def _job_id(request: JobRequest, now: datetime) -> str:
    """Sorts by time at a glance; a request id gives the same one again, so that the registry sees the same job."""
    if request.request_id:
        return "job-" + hashlib.sha256(f"{request.project}/{request.request_id}".encode()).hexdigest()[:16]
    return f"job-{now:%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"
