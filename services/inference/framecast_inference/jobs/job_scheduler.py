"""Takes jobs up, keeps their leases alive, and takes over from replicas that are gone."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from framecast.errors import FramecastError
from framecast_inference.jobs import job as jobs
from framecast_inference.jobs.job import InferenceJob, JobState, Lease, LeaseLostError
from framecast_inference.jobs.job_run import JobRun
from framecast_inference.jobs.ports import JobStore, ResultObjects
from framecast_inference.jobs.result_parts import remove_all
from framecast_runtime.changes import Changes

log = logging.getLogger(__name__)

MakeRun = Callable[[InferenceJob], JobRun]
"""Makes the run of a job that was claimed; does not start it."""

_LOOK_S = 1.0
_LONGEST_PAUSE_S = 30.0


@dataclass
class _Seen:
    """A lease as it was first seen."""

    lease: Lease
    since: float


@dataclass
class _Pause:
    """When a job that was put off is tried again."""

    until: float
    length_s: float


@dataclass
class _Running:
    run: JobRun
    thread: threading.Thread


class JobScheduler:
    """A thread from `start` to `stop`; at most `max_running` jobs of this replica run at the same time.

    A lease that did not change for `lease_s` seconds, by this replica's own clock, is taken for abandoned.
    """

    def __init__(
        self,
        store: JobStore,
        objects: ResultObjects,
        make_run: MakeRun,
        changes: Changes,
        *,
        owner: str,
        now: Callable[[], datetime],
        max_running: int,
        lease_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._objects = objects
        self._make_run = make_run
        self._changes = changes
        self._owner = owner
        self._now = now
        self._max_running = max_running
        self._lease_s = lease_s
        self._clock = clock
        self._running: dict[int, _Running] = {}
        self._seen: dict[int, _Seen] = {}
        self._pauses: dict[int, _Pause] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="inference-jobs", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Stops all runs; what they computed is stored, and the next replica goes on at once."""
        self._stopping.set()
        self._changes.notify()
        if self._thread.is_alive():
            self._thread.join()
        for running in self._running.values():
            running.run.stop.ask()
        for running in self._running.values():
            running.thread.join()

    def _loop(self) -> None:
        seen = -1
        while not self._stopping.is_set():
            seen = self._changes.wait(seen, min(_LOOK_S, self._lease_s / 5))
            try:
                self.look()
            except FramecastError as error:
                log.warning("inference_jobs_not_looked_after", extra={"why": error.message})
            except Exception:
                log.exception("inference_jobs_not_looked_after")

    def look(self) -> None:
        """One round: signs of life, ended runs, deleted jobs, jobs to take up."""
        self._reap()
        for running in list(self._running.values()):
            self._beat(running.run)
        unfinished = self._store.unfinished()
        for job in unfinished:
            if job.state is JobState.DELETED:
                remove_all(job, self._objects)
                self._store.remove(job)
        self._take_up([job for job in unfinished if job.state is not JobState.DELETED])

    def _beat(self, run: JobRun) -> None:
        try:
            job = self._store.update(run.job, lambda job: jobs.beaten(job, self._owner))
        except (LeaseLostError, FramecastError):
            # Ended by itself, taken by another, or the database is away: what the run writes next will tell it.
            return
        if job.cancel_requested:
            run.stop.ask(cancelled=True)

    def _reap(self) -> None:
        for key, running in list(self._running.items()):
            if running.thread.is_alive():
                continue
            del self._running[key]
            if running.run.put_off:
                earlier = self._pauses.get(key)
                length_s = min(2 * earlier.length_s, _LONGEST_PAUSE_S) if earlier else 1.0
                self._pauses[key] = _Pause(self._clock() + length_s, length_s)
            else:
                self._pauses.pop(key, None)

    def _take_up(self, waiting: Sequence[InferenceJob]) -> None:
        now = self._clock()
        known = {job.sequence for job in waiting}
        for rows in (self._seen, self._pauses):
            for key in rows.keys() - known:
                del rows[key]
        for job in waiting:
            if job.sequence in self._running or not self._abandoned(job, now):
                continue
            if len(self._running) >= self._max_running or self._stopping.is_set():
                continue
            pause = self._pauses.get(job.sequence)
            if pause is not None and now < pause.until and not job.cancel_requested:
                continue
            self._run(job)

    def _abandoned(self, job: InferenceJob, now: float) -> bool:
        if not job.lease.owner:
            return True
        seen = self._seen.get(job.sequence)
        if seen is None or seen.lease != job.lease:
            self._seen[job.sequence] = _Seen(job.lease, now)
            return False
        return now - seen.since >= self._lease_s

    def _run(self, job: InferenceJob) -> None:
        try:
            claimed = self._store.update(
                job, lambda current: jobs.claimed(current, job.lease, self._owner, self._now())
            )
        except LeaseLostError:
            return  # another replica was quicker
        run = self._make_run(claimed)
        if claimed.cancel_requested:
            run.stop.ask(cancelled=True)
        thread = threading.Thread(target=run.run, name=f"inference-job-{claimed.id}", daemon=True)
        self._running[claimed.sequence] = _Running(run, thread)
        thread.start()
