"""Jobs in memory: for tests, and the shortest description of what a job store does."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace

from framecast_trainer.job import Job
from framecast_trainer.ports import no_such_job


class MemoryJobStore:
    """Forgets everything with the process."""

    def __init__(self) -> None:
        self._jobs: dict[int, Job] = {}
        self._next = 1
        self._lock = threading.Lock()

    def add(self, job: Job) -> tuple[Job, bool]:
        """See `JobStore.add`."""
        with self._lock:
            earlier = self._by_request(job.project, job.request_id)
            if earlier is not None:
                return earlier, False
            stored = replace(job, sequence=self._next)
            self._next += 1
            self._jobs[stored.sequence] = stored
            return stored, True

    def get(self, project: str, job_id: str) -> Job:
        """See `JobStore.get`."""
        with self._lock:
            for job in self._jobs.values():
                if (job.project, job.id) == (project, job_id):
                    return job
        raise no_such_job(f"projects/{project}/trainingJobs/{job_id}")

    def find_request(self, project: str, request_id: str) -> Job | None:
        """See `JobStore.find_request`."""
        with self._lock:
            return self._by_request(project, request_id)

    def page(self, project: str, *, size: int, before: int | None) -> Sequence[Job]:
        """See `JobStore.page`."""
        with self._lock:
            jobs = [job for job in self._jobs.values() if job.project == project]
        older = [job for job in reversed(jobs) if before is None or job.sequence < before]
        return older[:size]

    def open(self) -> Sequence[Job]:
        """See `JobStore.open`."""
        with self._lock:
            return [job for job in self._jobs.values() if not job.state.ended]

    def unsettled(self) -> Sequence[Job]:
        """See `JobStore.unsettled`."""
        with self._lock:
            return [job for job in self._jobs.values() if not job.settled]

    def update(self, job: Job, change: Callable[[Job], Job]) -> Job:
        """See `JobStore.update`."""
        with self._lock:
            if job.sequence not in self._jobs:
                raise no_such_job(job.name)
            changed = change(self._jobs[job.sequence])
            self._jobs[job.sequence] = changed
            return changed

    def remove(self, job: Job) -> None:
        """See `JobStore.remove`."""
        with self._lock:
            self._jobs.pop(job.sequence, None)

    def _by_request(self, project: str, request_id: str) -> Job | None:
        if not request_id:
            return None
        found = (job for job in self._jobs.values() if (job.project, job.request_id) == (project, request_id))
        return next(found, None)
