"""A training job and how it may change: QUEUED → RUNNING → SUCCEEDED | FAILED | CANCELLED, never backwards."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum

from framecast.errors import FramecastError
from framecast_trainer.library import Task
from framecast_trainer.run_event import MetricTaken, ProgressMade, RunEvent, WarningGiven


class JobState(Enum):
    """Where a job stands."""

    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"

    @property
    def ended(self) -> bool:
        return self not in (JobState.QUEUED, JobState.RUNNING)


class VersionState(Enum):
    """What the registry has acknowledged of the model version that a job fills."""

    UNKNOWN = "UNKNOWN"
    """It may not even be reserved."""
    CREATED = "CREATED"
    TRAINING = "TRAINING"
    TRAINED = "TRAINED"
    FAILED = "FAILED"


_VERSION_OF = {
    JobState.QUEUED: VersionState.CREATED,
    JobState.RUNNING: VersionState.TRAINING,
    JobState.SUCCEEDED: VersionState.TRAINED,
    JobState.FAILED: VersionState.FAILED,
    JobState.CANCELLED: VersionState.FAILED,
}


class Device(Enum):
    """Where the arithmetic is done."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"


@dataclass(frozen=True, kw_only=True)
class JobConfig:
    """How to train, with every default in force."""

    epochs: int
    batch_size: int
    image_size: int
    learning_rate: float
    weight_decay: float
    device: Device = Device.AUTO
    seed: int = 0
    max_duration_s: float | None = None
    weights: str = ""
    backbone: str = ""
    augment: bool = True


@dataclass(frozen=True)
class JobError:
    """Why a job has no result; `kind` is the name of a class of `framecast.errors`."""

    kind: str
    reason: str
    message: str
    metadata: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, error: FramecastError) -> "JobError":
        return cls(type(error).__name__, error.reason, error.message, error.metadata)


@dataclass(frozen=True)
class JobProgress:
    """How far a job is."""

    phase: str = ""
    epoch: int = 0
    epoch_count: int = 0
    step: int = 0
    step_count: int = 0
    fraction: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Job:
    """A run that trains one model version on one dataset version."""

    project: str
    id: str
    model: str
    dataset_version: str
    dataset_digest: str
    architecture: str
    task: Task
    config: JobConfig
    create_time: datetime
    request_id: str = ""
    request_fingerprint: str = ""
    """Of all that the request with this id asked for; empty in rows of before it was kept."""
    sequence: int = 0
    """Given by the store: later jobs have higher ones."""
    state: JobState = JobState.QUEUED
    error: JobError | None = None
    progress: JobProgress = JobProgress()
    model_version: str = ""
    """Empty until the registry has reserved it."""
    metrics: Mapping[str, float] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    start_time: datetime | None = None
    end_time: datetime | None = None
    cancel_requested: bool = False
    event_offset: int = 0
    """How much of the run's events this row includes."""
    bundle: str = ""
    """Digest of the stored manifest: training has ended well, the registry has yet to be told."""
    bundle_metrics: Mapping[str, float] = field(default_factory=dict)
    """Measured on the exported graphs."""
    version_state: VersionState = VersionState.UNKNOWN

    @property
    def name(self) -> str:
        return f"projects/{self.project}/trainingJobs/{self.id}"

    @property
    def publishing(self) -> bool:
        """Whether only the registry's acknowledgement is missing."""
        return self.state is JobState.RUNNING and bool(self.bundle)

    @property
    def settled(self) -> bool:
        """Whether the registry knows all that there is to know of the job so far."""
        return self.version_state is _VERSION_OF[self.state] and not self.publishing


def started(job: Job, now: datetime) -> Job:
    """QUEUED → RUNNING; any other job stays as it is."""
    if job.state is not JobState.QUEUED:
        return job
    return replace(job, state=JobState.RUNNING, start_time=now, progress=replace(job.progress, phase="preparing"))


def observed(job: Job, events: Sequence[RunEvent], event_offset: int) -> Job:
    """Takes in what the run has reported up to `event_offset`; the fraction never falls."""
    progress, metrics, warnings = job.progress, dict(job.metrics), list(job.warnings)
    for event in events:
        match event:
            case ProgressMade():
                progress = JobProgress(
                    phase=event.phase,
                    epoch=event.epoch,
                    epoch_count=event.epoch_count,
                    step=event.step,
                    step_count=event.step_count,
                    fraction=max(progress.fraction, min(max(event.fraction, 0.0), 1.0)),
                )
            case MetricTaken():
                metrics[event.name] = event.value
            case WarningGiven() if event.text not in warnings:
                warnings.append(event.text)
            case _:
                pass
    return replace(job, progress=progress, metrics=metrics, warnings=tuple(warnings), event_offset=event_offset)


def trained(job: Job, bundle: str, metrics: Mapping[str, float]) -> Job:
    """Notes the bundle of a running job, which is then to be published."""
    if job.state is not JobState.RUNNING:
        return job
    progress = replace(job.progress, phase="publishing")
    finite = {name: value for name, value in metrics.items() if math.isfinite(value)}
    return replace(job, bundle=bundle, bundle_metrics=finite, metrics={**job.metrics, **metrics}, progress=progress)


def succeeded(job: Job, now: datetime) -> Job:
    """RUNNING, with a bundle that the registry has accepted → SUCCEEDED."""
    if job.state.ended:
        return job
    assert job.bundle
    return replace(
        job,
        state=JobState.SUCCEEDED,
        version_state=VersionState.TRAINED,
        end_time=now,
        progress=replace(job.progress, fraction=1.0),
    )


def failed(job: Job, error: JobError, now: datetime) -> Job:
    """→ FAILED; a job that has ended stays as it is."""
    if job.state.ended:
        return job
    return replace(job, state=JobState.FAILED, error=error, bundle="", end_time=now)


def cancelled(job: Job, now: datetime) -> Job:
    """→ CANCELLED; a job that has ended stays as it is."""
    if job.state.ended:
        return job
    return replace(job, state=JobState.CANCELLED, cancel_requested=True, bundle="", end_time=now)


def cancel_requested(job: Job, now: datetime) -> Job:
    """A queued job is cancelled at once, a running one when its worker has stopped, a trained one not any more."""
    if job.state is JobState.QUEUED:
        return cancelled(job, now)
    if job.state.ended or job.publishing:
        return job
    return replace(job, cancel_requested=True)
