"""What runs beside the calls: the scheduler of inference jobs."""

from collections.abc import Callable

from framecast_inference.jobs.job_scheduler import JobScheduler
from framecast_runtime.changes import Changes


class BackgroundJobs:
    """`start`, `stop` before the server stops (it may be called again), `close` after it."""

    def __init__(self, scheduler: JobScheduler, changes: Changes, close: Callable[[], None]) -> None:
        self._scheduler = scheduler
        self._changes = changes
        self._close = close

    def start(self) -> None:
        """Takes jobs up."""
        self._scheduler.start()

    def stop(self) -> None:
        """Leaves the jobs to other replicas, and lets those who watch them go."""
        self._scheduler.stop()
        self._changes.close()

    def close(self) -> None:
        """Lets go of the database."""
        self.stop()
        self._close()


class NoBackgroundJobs:
    """The same where no jobs are kept."""

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def close(self) -> None: ...
