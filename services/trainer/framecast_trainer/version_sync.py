"""Tells the registry what has become of the model versions that jobs fill, until it has understood."""

import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import TypeVar

from framecast.errors import (
    DeadlineExceededError,
    FramecastError,
    ResourceExhaustedError,
    UnavailableError,
)
from framecast_runtime.changes import Changes
from framecast_trainer import job as jobs
from framecast_trainer.job import Job, JobError, JobState, VersionState
from framecast_trainer.ports import JobStore, Registry

log = logging.getLogger(__name__)

T = TypeVar("T")

LATER = (UnavailableError, DeadlineExceededError, ResourceExhaustedError)
"""What says nothing of the call: it may have been done, and is to be repeated."""
_CANCELLED = JobError("CancelledError", "TRAINING_CANCELLED", "the training job was cancelled")


def reserve(job: Job, store: JobStore, registry: Registry) -> Job:
    """Reserves the version that a job fills; repeating it finds the same one."""
    version = registry.reserve_version(
        model=job.model,
        architecture=job.architecture,
        task=job.task,
        training_job=job.name,
        dataset_version=job.dataset_version,
        request_id=job.id,
    )

    def note(job: Job) -> Job:  # the other thread that may do this could have come further already
        known = job.version_state is not VersionState.UNKNOWN
        return job if known else replace(job, model_version=version, version_state=VersionState.CREATED)

    return store.update(job, note)


class VersionSync:
    """A thread that brings model versions to the state of their jobs.

    Every call may be repeated, so a crash between a call and its note costs one call more. A job whose training has
    ended well becomes SUCCEEDED here, when the registry has accepted the bundle, and not before.
    """

    def __init__(
        self,
        store: JobStore,
        registry: Registry,
        changes: Changes,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        *,
        retry_s: float = 1.0,
    ) -> None:
        self._store = store
        self._registry = registry
        self._changes = changes
        self._now = now
        self._retry_s = retry_s
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="version-sync", daemon=True)

    def start(self) -> None:
        """Begins, with what an earlier process left undone."""
        self._thread.start()

    def stop(self, timeout_s: float = 5.0) -> None:
        """Ends after one more round; what is undone then is done after the next start."""
        self._stopping.set()
        self._changes.notify()
        self._thread.join(timeout_s)

    def sync(self) -> bool:
        """One round over all jobs; False where the registry has to be asked again."""
        done = True
        for job in self._store.unsettled():
            try:
                self._sync(job)
            except LATER as error:
                log.warning("registry_unavailable", extra={"job": job.name, "error": str(error)})
                done = False
                if isinstance(error, UnavailableError):
                    break  # the others would only wait for the same
            except Exception:  # one job's trouble is not the others'
                log.exception("version_sync_failed", extra={"job": job.name})
                done = False
        return done

    def _loop(self) -> None:
        while True:
            stopping = self._stopping.is_set()
            seen = self._changes.count
            try:
                done = self.sync()
            except Exception:
                log.exception("version_sync_failed")
                done = False
            if stopping:
                return
            if done:
                self._changes.wait(seen, timeout_s=30.0)
            else:
                self._stopping.wait(self._retry_s)

    def _sync(self, job: Job) -> None:
        if job.version_state is VersionState.UNKNOWN:
            reserved = self._call(job, lambda: reserve(job, self._store, self._registry))
            if reserved is None:  # there is no version, and never will be
                self._note(job, VersionState.FAILED)
                return
            job = reserved
        if job.state is JobState.RUNNING and job.version_state is VersionState.CREATED:
            version = job.model_version
            self._call(job, lambda: self._registry.start_version(version))
            job = self._note(job, VersionState.TRAINING)
        if job.publishing:
            self._publish(job)
        elif job.state in (JobState.FAILED, JobState.CANCELLED) and job.version_state is not VersionState.FAILED:
            version, error = job.model_version, job.error or _CANCELLED
            self._call(job, lambda: self._registry.fail_version(version, error), final=True)
            self._note(job, VersionState.FAILED)

    def _publish(self, job: Job) -> None:
        def complete() -> bool:
            self._registry.complete_version(job.model_version, job.bundle, job.bundle_metrics)
            return True

        if self._call(job, complete):
            self._update(job, lambda job: jobs.succeeded(job, self._now()))
            log.info("job_succeeded", extra={"job": job.name, "model_version": job.model_version})

    def _call(self, job: Job, call: Callable[[], T], *, final: bool = False) -> T | None:
        """None where the registry refuses for good: the job then fails with its reason."""
        try:
            return call()
        except LATER:
            raise
        except FramecastError as error:
            log.warning("registry_refused", extra={"job": job.name, "reason": error.reason, "error": str(error)})
            if not final:
                refusal = JobError.of(error)
                self._update(job, lambda job: jobs.failed(job, refusal, self._now()))
            return None

    def _note(self, job: Job, state: VersionState) -> Job:
        return self._update(job, lambda job: replace(job, version_state=state))

    def _update(self, job: Job, change: Callable[[Job], Job]) -> Job:
        job = self._store.update(job, change)
        self._changes.notify()
        return job
