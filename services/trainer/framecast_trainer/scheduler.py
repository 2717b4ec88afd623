"""Starts the oldest queued job when there is room, and notes what its worker reports until it has ended."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial

from framecast_runtime.changes import Changes
from framecast_trainer import job as jobs
from framecast_trainer.job import Job, JobError, JobState
from framecast_trainer.launcher import Launcher, Run
from framecast_trainer.ports import JobStore
from framecast_trainer.run_event import RunEvent, RunFailed, RunStopped, RunSucceeded
from framecast_trainer.run_spec import RunSpec

log = logging.getLogger(__name__)

_LAST_LOG_BYTES = 4096
_LAST_LOG_LINES = 8
_TRAINER_STOPPED = JobError(
    "UnavailableError",
    "TRAINER_STOPPED",
    "the trainer was stopped while this job ran; create the job again",
)


class Scheduler:
    """A thread over the open jobs. It holds no state that it could not find again: rows and run folders have it all."""

    def __init__(
        self,
        store: JobStore,
        launcher: Launcher,
        changes: Changes,
        spec_of: Callable[[Job], RunSpec],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        *,
        max_parallel_jobs: int = 1,
        poll_s: float = 0.2,
        stop_grace_s: float = 15.0,
        shutdown_grace_s: float = 5.0,
    ) -> None:
        self._store = store
        self._launcher = launcher
        self._changes = changes
        self._spec_of = spec_of
        self._now = now
        self._max_parallel_jobs = max_parallel_jobs
        self._poll_s = poll_s
        self._stop_grace_s = stop_grace_s
        self._shutdown_grace_s = shutdown_grace_s
        self._runs: dict[str, Run] = {}
        self._leaving: dict[str, Run] = {}
        self._deadlines: dict[str, float] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="scheduler", daemon=True)

    def start(self) -> None:
        """Begins; jobs that an earlier process left running are taken up."""
        self._thread.start()

    def stop(self) -> None:
        """Stops the workers and ends their jobs as FAILED; queued jobs stay queued."""
        self._stopping.set()
        self._changes.notify()
        self._thread.join()
        try:
            self._stop_workers()
        except Exception:  # the database is away; what became of the jobs is noted after the next start
            log.exception("workers_stopped_unnoted")
            self._stop_unnoted()

    def tick(self) -> bool:
        """One look at every open job; whether a worker is at work."""
        open_jobs = self._store.open()
        running = [job for job in open_jobs if job.state is JobState.RUNNING and not job.publishing]
        busy = sum(self._apart(self._observe, job) for job in running) + self._wait_for_leaving(self._stop_grace_s)
        for job in open_jobs:
            if busy >= self._max_parallel_jobs:
                break
            if job.state is JobState.QUEUED and job.model_version:
                busy += self._apart(self._launch, job)
        return busy > 0

    def _apart(self, step: Callable[[Job], Job], job: Job) -> bool:
        """Whether the job has a worker after this step; a job whose step raises keeps no other from its own."""
        try:
            return _working(step(job))
        except Exception:
            log.exception("job_step_failed", extra={"job": job.name})
            return _working(job) or job.name in self._runs

    def _loop(self) -> None:
        while not self._stopping.is_set():
            seen = self._changes.count
            try:
                working = self.tick()
            except Exception:  # the database may be away for a while; the jobs are not
                log.exception("scheduler_failed")
                working = True
            if working:
                self._stopping.wait(self._poll_s)
            else:
                self._changes.wait(seen, timeout_s=5.0)

    def _launch(self, job: Job) -> Job:
        try:
            self._runs[job.name] = self._launcher.launch(self._spec_of(job))
        except OSError as error:
            log.exception("launch_failed", extra={"job": job.name})
            reason = JobError(
                "InternalError", "WORKER_NOT_STARTED", f"the training process could not be started: {error}"
            )
            return self._update(job, lambda job: jobs.failed(job, reason, self._now()))
        job = self._update(job, lambda job: jobs.started(job, self._now()))
        if job.state is not JobState.RUNNING:  # cancelled in the meantime
            run = self._run(job)
            run.kill()
            return self._leave(job, run)
        return job

    def _observe(self, job: Job) -> Job:
        run = self._run(job)
        alive = run.alive()  # asked first: what a dead worker has written is complete
        while True:
            events, offset = run.events(job.event_offset)
            if offset == job.event_offset:
                break
            job = self._update(job, partial(self._taken_in, events=events, offset=offset))
            if not _working(job):
                return self._leave(job, run)
        if not alive:
            return self._leave(self._lost(job, run), run)
        if job.cancel_requested:
            self._press(job.name, run, self._stop_grace_s)
        return job

    def _taken_in(self, job: Job, events: Sequence[RunEvent], offset: int) -> Job:
        """Events and end in one transaction: whoever reads the row later sees both or neither."""
        job = jobs.observed(job, events, offset)
        for event in events:
            match event:
                case RunSucceeded():
                    job = jobs.trained(job, event.bundle_sha256, event.metrics)
                case RunFailed():
                    error = JobError(event.kind, event.reason, event.message, event.metadata)
                    job = jobs.failed(job, error, self._now())
                case RunStopped():
                    job = self._stopped(job)
                case _:
                    pass
        return job

    def _stopped(self, job: Job) -> Job:
        if job.cancel_requested:
            return jobs.cancelled(job, self._now())
        return jobs.failed(job, _TRAINER_STOPPED, self._now())

    def _lost(self, job: Job, run: Run) -> Job:
        ending = run.ending()
        lines = _last_lines(run)
        said = f"; its last log lines:\n{lines}" if lines else "; it has logged nothing"
        error = JobError(
            "InternalError",
            "WORKER_LOST",
            f"the training process ended without a result: it {ending.text}{said}",
            ending.metadata,
        )
        log.warning("worker_lost", extra={"job": job.name, "ending": ending.text})

        def lose(job: Job) -> Job:
            return jobs.cancelled(job, self._now()) if job.cancel_requested else jobs.failed(job, error, self._now())

        return self._update(job, lose)

    def _press(self, name: str, run: Run, grace_s: float) -> None:
        """Asks once, waits, then ends it."""
        if name not in self._deadlines:
            self._deadlines[name] = time.monotonic() + grace_s
            run.stop()
        elif time.monotonic() > self._deadlines[name]:
            run.kill()

    def _leave(self, job: Job, run: Run) -> Job:
        """The job is decided; its worker may need a moment to go, and counts as busy until it has."""
        self._runs.pop(job.name, None)
        self._deadlines[job.name] = time.monotonic() + self._stop_grace_s
        self._leaving[job.name] = run
        return job

    def _wait_for_leaving(self, grace_s: float) -> int:
        for name, run in list(self._leaving.items()):
            if run.alive():
                self._press(name, run, grace_s)
                continue
            del self._leaving[name]
            self._deadlines.pop(name, None)
            try:
                run.tidy()
            except OSError:  # what is left over is only in the way of the disk
                log.exception("tidy_failed", extra={"job": name})
        return len(self._leaving)

    def _stop_workers(self) -> None:
        deadline = time.monotonic() + self._shutdown_grace_s
        self._deadlines.clear()  # those of cancellations are longer
        while True:
            working = [job for job in self._store.open() if _working(job)]
            for job in working:
                run = self._run(job)
                self._press(job.name, run, self._shutdown_grace_s)
                if not run.alive():
                    stopped = self._observe_end(job, run)
                    self._leave(stopped, run)
            if not self._wait_for_leaving(self._shutdown_grace_s) and not working:
                return
            if time.monotonic() > deadline + 5.0:  # a process that not even SIGKILL ends: the disk may hang
                log.error("workers_left", extra={"jobs": [job.name for job in working]})
                return
            time.sleep(0.05)

    def _stop_unnoted(self) -> None:
        deadline = time.monotonic() + self._shutdown_grace_s + 5.0
        runs = {**self._runs, **self._leaving}
        while runs and time.monotonic() < deadline:
            for name, run in runs.items():
                self._press(name, run, self._shutdown_grace_s)
            runs = {name: run for name, run in runs.items() if run.alive()}
            time.sleep(0.05)

    def _observe_end(self, job: Job, run: Run) -> Job:
        events, offset = run.events(job.event_offset)

        def end(job: Job) -> Job:
            job = self._taken_in(job, events, offset)
            return self._stopped(job) if _working(job) else job

        return self._update(job, end)

    def _run(self, job: Job) -> Run:
        if job.name not in self._runs:
            self._runs[job.name] = self._launcher.run(job.project, job.id)
        return self._runs[job.name]

    def _update(self, job: Job, change: Callable[[Job], Job]) -> Job:
        job = self._store.update(job, change)
        self._changes.notify()
        return job


def _working(job: Job) -> bool:
    return job.state is JobState.RUNNING and not job.publishing


def _last_lines(run: Run) -> str:
    size = run.log_size()
    tail = run.log(max(0, size - _LAST_LOG_BYTES), _LAST_LOG_BYTES).decode(errors="replace")
    return "\n".join(line for line in tail.splitlines()[-_LAST_LOG_LINES:])
