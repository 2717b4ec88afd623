"""An inference job and how it may change: QUEUED → RUNNING → SUCCEEDED | FAILED | CANCELLED, never backwards.

Several replicas share the jobs. One works on a job at a time: it holds the job's lease, and every change that comes of
its work is refused once the lease is another's.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum

# How often a job may be taken up without a result in between: something in it ends the process.
MOST_ATTEMPTS = 5


class JobState(Enum):
    """Where a job stands."""

    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    DELETED = "DELETED"
    """Nobody sees it any more; its results are being removed."""

    @property
    def ended(self) -> bool:
        return self not in (JobState.QUEUED, JobState.RUNNING)


class LeaseLostError(Exception):
    """Another replica has the job, or nobody may work on it any more."""


@dataclass(frozen=True)
class Lease:
    """Who works on a job. Whoever looks on twice and finds the same beat may take the job for abandoned: no clocks of
    different machines are compared."""

    owner: str = ""
    """Empty: nobody."""
    beat: int = 0


@dataclass(frozen=True)
class Progress:
    """How far a job is."""

    phase: str = ""
    frames_done: int = 0
    total_frames: int = 0
    """0 until it is known."""
    failed_frames: int = 0
    result_bytes: int = 0


@dataclass(frozen=True, kw_only=True)
class ResultPart:
    """Some results in a row, stored as one object."""

    number: int
    position: int
    """Of its first result, counted from 0 over the whole job."""
    count: int
    failed: int
    """Of `count`, those that are an error."""
    size_bytes: int
    sha256: str

    @property
    def end(self) -> int:
        """The position behind its last result."""
        return self.position + self.count


@dataclass(frozen=True, kw_only=True)
class InferenceJob:
    """All of a job but its sources and settings, which never change."""

    project: str
    id: str
    model_version: str
    bundle_sha256: str
    create_time: datetime
    dataset_version: str = ""
    record_predictions: bool = False
    request_id: str = ""
    request_fingerprint: str = ""
    sequence: int = 0
    """Given by the store: later jobs have higher ones."""
    state: JobState = JobState.QUEUED
    error: bytes = b""
    """A `google.rpc.Status`, serialised."""
    progress: Progress = Progress()
    counts: tuple[int, ...] = ()
    """Results of each source, found out once; one number for a dataset version."""
    part_count: int = 0
    prediction_set: str = ""
    start_time: datetime | None = None
    end_time: datetime | None = None
    cancel_requested: bool = False
    lease: Lease = Lease()
    attempts: int = 0
    """How often it was taken up since its last result."""

    @property
    def name(self) -> str:
        return f"projects/{self.project}/inferenceJobs/{self.id}"


def claimed(job: InferenceJob, seen: Lease, owner: str, now: datetime) -> InferenceJob:
    """To be worked on by `owner`. Raises LeaseLostError unless it is open and its lease still is the one seen."""
    if job.state.ended or job.lease != seen:
        raise LeaseLostError
    return replace(
        job,
        state=JobState.RUNNING,
        start_time=job.start_time or now,
        lease=Lease(owner, seen.beat + 1),
        attempts=job.attempts + 1,
    )


def beaten(job: InferenceJob, owner: str) -> InferenceJob:
    """A sign of life of its owner. Raises LeaseLostError."""
    _check_owner(job, owner)
    return replace(job, lease=Lease(owner, job.lease.beat + 1))


def planned(job: InferenceJob, owner: str, counts: tuple[int, ...]) -> InferenceJob:
    """With its results counted. Raises LeaseLostError."""
    _check_owner(job, owner)
    return replace(job, counts=counts, progress=replace(job.progress, total_frames=sum(counts)))


def in_phase(job: InferenceJob, owner: str, phase: str) -> InferenceJob:
    """Doing something else. Raises LeaseLostError."""
    _check_owner(job, owner)
    return replace(job, progress=replace(job.progress, phase=phase))


def advanced(job: InferenceJob, owner: str, part: ResultPart) -> InferenceJob:
    """With a part more. Raises LeaseLostError."""
    _check_owner(job, owner)
    if (part.number, part.position) != (job.part_count, job.progress.frames_done):
        raise LeaseLostError
    return replace(
        job,
        part_count=part.number + 1,
        attempts=0,
        progress=replace(
            job.progress,
            frames_done=part.end,
            failed_frames=job.progress.failed_frames + part.failed,
            result_bytes=job.progress.result_bytes + part.size_bytes,
        ),
    )


def released(job: InferenceJob, owner: str, *, phase: str) -> InferenceJob:
    """Left to whoever takes it up next; no fault of the job's. Raises LeaseLostError."""
    _check_owner(job, owner)
    return replace(job, lease=Lease("", job.lease.beat + 1), attempts=0, progress=replace(job.progress, phase=phase))


def ended(
    job: InferenceJob, owner: str, state: JobState, now: datetime, *, error: bytes = b"", prediction_set: str = ""
) -> InferenceJob:
    """→ SUCCEEDED, FAILED or CANCELLED. Raises LeaseLostError."""
    _check_owner(job, owner)
    progress = replace(job.progress, phase="")
    return replace(
        job,
        state=state,
        error=error,
        prediction_set=prediction_set,
        end_time=now,
        lease=Lease("", job.lease.beat + 1),
        progress=progress,
    )


def cancel_requested(job: InferenceJob, now: datetime) -> InferenceJob:
    """A job that nobody works on is cancelled at once, another when its replica hears of it; one that ended stays."""
    if job.state.ended:
        return job
    if not job.lease.owner:
        return replace(job, state=JobState.CANCELLED, cancel_requested=True, end_time=now)
    return replace(job, cancel_requested=True)


def deleted(job: InferenceJob) -> InferenceJob:
    """To be removed; its request id may be used again."""
    return replace(job, state=JobState.DELETED, request_id="")


def _check_owner(job: InferenceJob, owner: str) -> None:
    if job.state is not JobState.RUNNING or job.lease.owner != owner:
        raise LeaseLostError
