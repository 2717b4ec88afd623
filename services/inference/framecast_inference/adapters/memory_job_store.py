"""Jobs in memory: for tests, and the shortest description of what a job store does."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace

from framecast_inference.jobs.job import InferenceJob, JobState, ResultPart
from framecast_inference.jobs.ports import no_such_job


class MemoryJobStore:
    """Forgets everything with the process."""

    def __init__(self) -> None:
        self._jobs: dict[int, InferenceJob] = {}
        self._specs: dict[int, bytes] = {}
        self._parts: dict[int, list[ResultPart]] = {}
        self._next = 1
        self._lock = threading.Lock()

    def add(self, job: InferenceJob, spec: bytes) -> tuple[InferenceJob, bool]:
        """See `JobStore.add`."""
        with self._lock:
            earlier = self._by_request(job.project, job.request_id)
            if earlier is not None:
                return earlier, False
            stored = replace(job, sequence=self._next)
            self._next += 1
            self._jobs[stored.sequence] = stored
            self._specs[stored.sequence] = spec
            self._parts[stored.sequence] = []
            return stored, True

    def get(self, project: str, job_id: str) -> InferenceJob:
        """See `JobStore.get`."""
        with self._lock:
            for job in self._jobs.values():
                if (job.project, job.id) == (project, job_id) and job.state is not JobState.DELETED:
                    return job
        raise no_such_job(f"projects/{project}/inferenceJobs/{job_id}")

    def spec(self, job: InferenceJob) -> bytes:
        """See `JobStore.spec`."""
        with self._lock:
            if job.sequence not in self._specs:
                raise no_such_job(job.name)
            return self._specs[job.sequence]

    def find_request(self, project: str, request_id: str) -> InferenceJob | None:
        """See `JobStore.find_request`."""
        with self._lock:
            return self._by_request(project, request_id)

    def page(self, project: str, *, size: int, before: int | None) -> Sequence[InferenceJob]:
        """See `JobStore.page`."""
        with self._lock:
            jobs = [job for job in self._jobs.values() if job.project == project and job.state is not JobState.DELETED]
        older = [job for job in reversed(jobs) if before is None or job.sequence < before]
        return older[:size]

    def unfinished(self) -> Sequence[InferenceJob]:
        """See `JobStore.unfinished`."""
        with self._lock:
            return [job for job in self._jobs.values() if not job.state.ended or job.state is JobState.DELETED]

    def update(self, job: InferenceJob, change: Callable[[InferenceJob], InferenceJob]) -> InferenceJob:
        """See `JobStore.update`."""
        with self._lock:
            return self._update(job, change)

    def add_part(
        self, job: InferenceJob, part: ResultPart, change: Callable[[InferenceJob], InferenceJob]
    ) -> InferenceJob:
        """See `JobStore.add_part`."""
        with self._lock:
            changed = self._update(job, change)
            self._parts[job.sequence].append(part)
            return changed

    def parts(self, job: InferenceJob, *, position: int, limit: int) -> Sequence[ResultPart]:
        """See `JobStore.parts`."""
        with self._lock:
            return [part for part in self._parts.get(job.sequence, []) if part.end > position][:limit]

    def remove(self, job: InferenceJob) -> None:
        """See `JobStore.remove`."""
        with self._lock:
            for rows in (self._jobs, self._specs, self._parts):
                rows.pop(job.sequence, None)

    def _update(self, job: InferenceJob, change: Callable[[InferenceJob], InferenceJob]) -> InferenceJob:
        if job.sequence not in self._jobs:
            raise no_such_job(job.name)
        changed = change(self._jobs[job.sequence])
        self._jobs[job.sequence] = changed
        return changed

    def _by_request(self, project: str, request_id: str) -> InferenceJob | None:
        if not request_id:
            return None
        found = (job for job in self._jobs.values() if (job.project, job.request_id) == (project, request_id))
        return next(found, None)
