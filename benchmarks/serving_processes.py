"""Servers in processes of their own, and the CPU time that they take."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_START_S = 60.0


@dataclass(frozen=True)
class Server:
    """A process that serves."""

    pid: int
    address: str

    def cpu_seconds(self) -> float:
        """Of all its threads since they started; those of a pool live on."""
        times = Path(f"/proc/{self.pid}/task").glob("*/schedstat")
        return sum(int(path.read_text().split()[0]) for path in times) / 1e9


@contextmanager
def serving(module: str, *arguments: str, environment: Mapping[str, str], log: Path) -> Iterator[Server]:
    """Runs `python -m module` until the block ends; it logs `{"event": "serving", "port": …}` once it serves.

    Its log goes to a file, so that nobody else's time is spent on it. Raises RuntimeError where it does not start.
    """
    with log.open("w") as lines:
        command = [sys.executable, "-m", module, *arguments]
        process = subprocess.Popen(command, env={**os.environ, **environment}, stderr=lines)
    try:
        yield Server(process.pid, f"127.0.0.1:{_port(process, log)}")
    finally:
        process.terminate()
        process.wait()


def _port(process: "subprocess.Popen[bytes]", log: Path) -> int:
    until = time.monotonic() + _START_S
    while time.monotonic() < until and process.poll() is None:
        for line in log.read_text().splitlines():
            if line.startswith("{") and line.endswith("}") and json.loads(line).get("event") == "serving":
                return int(json.loads(line)["port"])
        time.sleep(0.1)
    raise RuntimeError(f"{process.args!r} does not serve:\n{log.read_text()}")
