"""The port to wherever workers run: processes of this machine today, Kubernetes Jobs one day."""

from collections.abc import Sequence
from typing import Protocol

from framecast_trainer.run_event import RunEvent
from framecast_trainer.run_spec import RunSpec


class Run(Protocol):
    """One job's worker and what it left, also after it has ended or if it never began."""

    def alive(self) -> bool:
        """Whether the worker lives."""

    def ending(self) -> "Ending":
        """How a dead worker ended, as far as can be known."""

    def events(self, offset: int) -> tuple[Sequence[RunEvent], int]:
        """What it reported from an offset on, and the offset to go on from."""

    def log(self, offset: int, limit: int) -> bytes:
        """At most `limit` bytes of its output."""

    def log_size(self) -> int:
        """Bytes of its output so far."""

    def stop(self) -> None:
        """Asks it to stop at the next step; may be repeated."""

    def kill(self) -> None:
        """Ends it at once."""

    def tidy(self) -> None:
        """Frees what is of no use once it has ended; events and log stay."""


class Ending(Protocol):
    """How a worker ended."""

    @property
    def text(self) -> str:
        """Such as `was killed by SIGKILL`."""

    @property
    def metadata(self) -> dict[str, str]:
        """The same for programs: `signal` or `exit_code`."""


class Launcher(Protocol):
    """Starts workers and finds them again."""

    def launch(self, spec: RunSpec) -> Run:
        """Starts the job's worker, unless it has been started before: a job has one run in its life."""

    def run(self, project: str, job_id: str) -> Run:
        """The job's run, whether it lives, has ended or never began."""
