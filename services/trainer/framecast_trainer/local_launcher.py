"""Workers as processes of this machine, each in a session of its own: they outlive the service that started them."""

import logging
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from framecast_trainer.launcher import Ending, Run
from framecast_trainer.run_event import RunEvent
from framecast_trainer.run_folder import RunFolder
from framecast_trainer.run_spec import RunSpec

log = logging.getLogger(__name__)

WORKER_COMMAND = (sys.executable, "-m", "framecast_trainer.worker")


@dataclass(frozen=True)
class LocalEnding:
    """How a process ended."""

    text: str
    metadata: dict[str, str] = field(default_factory=dict)


class LocalLauncher:
    """Runs `command RUN_FOLDER` per job, below `work_folder/runs`."""

    def __init__(self, work_folder: Path, command: Sequence[str] = WORKER_COMMAND) -> None:
        self._runs = work_folder / "runs"
        self._command = tuple(command)

    def launch(self, spec: RunSpec) -> Run:
        """See `Launcher.launch`."""
        folder = self._folder(spec.project, spec.job_id)
        if folder.worker_pid() is not None:
            return LocalRun(folder)
        folder.path.mkdir(parents=True, exist_ok=True)
        lock = folder.lock()
        if lock is None:
            return LocalRun(folder)
        try:
            folder.prepare(spec)
            with folder.log_path.open("ab") as output:
                process = subprocess.Popen(
                    [*self._command, str(folder.path)],
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    env=_environment(),
                    pass_fds=[lock],
                    start_new_session=True,
                )
        finally:
            os.close(lock)
        log.info("worker_started", extra={"job": spec.training_job, "pid": process.pid, "folder": str(folder.path)})
        return LocalRun(folder, process)

    def run(self, project: str, job_id: str) -> Run:
        """See `Launcher.run`."""
        return LocalRun(self._folder(project, job_id))

    def _folder(self, project: str, job_id: str) -> RunFolder:
        return RunFolder(self._runs / project / job_id)


class LocalRun:
    """A run by its folder and, where this service started it, by its process."""

    def __init__(self, folder: RunFolder, process: subprocess.Popen[bytes] | None = None) -> None:
        self._folder = folder
        self._process = process

    def alive(self) -> bool:
        """See `Run.alive`. A process that has ended may have left children, which hold the lock: they go, too."""
        if self._process is None:
            return self._folder.locked()
        if self._process.poll() is None:
            return True
        if self._folder.locked():
            self._signal(self._process.pid, signal.SIGKILL)
        return False

    def ending(self) -> Ending:
        """See `Run.ending`."""
        code = None if self._process is None else self._process.poll()
        if code is None:
            return LocalEnding("ended while the trainer was not there to see how")
        if code >= 0:
            return LocalEnding(f"exited with code {code}", {"exit_code": str(code)})
        try:
            name = signal.Signals(-code).name
        except ValueError:
            name = f"signal {-code}"
        cause = " (often because memory ran out)" if -code == signal.SIGKILL else ""
        return LocalEnding(f"was killed by {name}{cause}", {"signal": name})

    def events(self, offset: int) -> tuple[Sequence[RunEvent], int]:
        """See `Run.events`."""
        return self._folder.events(offset)

    def log(self, offset: int, limit: int) -> bytes:
        """See `Run.log`."""
        return self._folder.log(offset, limit)

    def log_size(self) -> int:
        """See `Run.log_size`."""
        return self._folder.log_size()

    def stop(self) -> None:
        """See `Run.stop`."""
        self._folder.ask_to_stop()
        self._signal_worker(signal.SIGTERM)

    def kill(self) -> None:
        """See `Run.kill`. The whole process group goes."""
        self._signal_worker(signal.SIGKILL)

    def tidy(self) -> None:
        """See `Run.tidy`."""
        self._folder.tidy()

    def _signal_worker(self, number: signal.Signals) -> None:
        if not self._folder.locked():  # its number may be another process's by now
            return
        pid = self._folder.worker_pid() if self._process is None else self._process.pid
        if pid is not None:
            self._signal(pid, number)

    @staticmethod
    def _signal(group: int, number: signal.Signals) -> None:
        try:
            os.killpg(group, number)
        except (ProcessLookupError, PermissionError):
            log.info("worker_gone", extra={"pid": group})


def _environment() -> dict[str, str]:
    """Idle threads of OpenMP sleep instead of spinning: on few cores they would take turns with those that work."""
    cores = str(len(os.sched_getaffinity(0)))
    waiting = {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "0", "OMP_NUM_THREADS": cores, "MKL_NUM_THREADS": cores}
    return {**os.environ, **waiting, "PYTHONUNBUFFERED": "1", "PYTHONFAULTHANDLER": "1"}
