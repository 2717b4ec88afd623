"""One service as a child process: started, watched, started again, stopped."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from framecast._up.services import ServiceSpec

_BACKOFF_S = (0.2, 1.0, 2.0, 5.0, 10.0, 30.0)
_STEADY_S = 60.0
"""Who ran this long starts again without delay."""
_TAIL_BYTES = 4000


class ServiceProcess:
    """A service that is started again whenever it ends. Its methods are called from one thread."""

    def __init__(self, spec: ServiceSpec, *, say: Callable[[str], None]) -> None:
        self.spec = spec
        self._say = say
        self._process: subprocess.Popen[bytes] | None = None
        self._started = 0.0
        self._failures = 0
        self._restart_at: float | None = None

    @property
    def pid(self) -> int | None:
        """Of the running process; None between two."""
        return None if self._process is None else self._process.pid

    def start(self) -> None:
        """Starts the process; its output goes to the end of the log file."""
        environment = {**os.environ, **self.spec.environment, "PYTHONUNBUFFERED": "1"}
        command = [sys.executable, "-m", "framecast._up.child", self.spec.module, str(os.getpid())]
        with self.spec.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C in the terminal is for the supervisor, which stops services in order
            )
        self._started = time.monotonic()
        self._restart_at = None

    def exit_code(self) -> int | None:
        """How the process ended; None while it runs."""
        return None if self._process is None else self._process.poll()

    def look_after(self) -> None:
        """Starts the service again where it has ended, after a delay that grows with each failure in a row."""
        now = time.monotonic()
        if self._restart_at is not None:
            if now >= self._restart_at:
                self.start()
                self._say(f"{self.spec.name} starts again on {self.spec.address} (pid {self.pid})")
            return
        code = self.exit_code()
        if code is None:
            return
        self._failures = 0 if now - self._started > _STEADY_S else self._failures + 1
        delay = _BACKOFF_S[min(self._failures, len(_BACKOFF_S) - 1)] if self._failures > 1 else _BACKOFF_S[0]
        self._restart_at = now + delay
        self._process = None
        self._say(f"{self.spec.name} {describe(code)}; log: {self.spec.log_path}; starting again in {delay:g} s")

    def terminate(self) -> None:
        """Asks the process to end."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()

    def wait(self, timeout_s: float) -> None:
        """Waits for the end, which comes by force after `timeout_s`."""
        if self._process is None:
            return
        try:
            self._process.wait(max(0.0, timeout_s))
        except subprocess.TimeoutExpired:
            self._say(f"{self.spec.name} does not stop: killed")
            self._process.kill()
            self._process.wait()


def describe(code: int) -> str:
    """An exit code in words."""
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"was killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"was killed by signal {-code}"


def log_tail(path: Path) -> str:
    """The last lines of a log."""
    with path.open("rb") as log:
        log.seek(max(0, path.stat().st_size - _TAIL_BYTES))
        return "\n".join(log.read().decode("utf-8", errors="replace").splitlines()[-12:])
