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
        """Of all threads, and those of its child processes, since they started; those of a pool live on."""
        times = (path for pid in _with_children(self.pid) for path in Path(f"/proc/{pid}/task").glob("*/schedstat"))
        return sum(int(path.read_text().split()[0]) for path in times) / 1e9

    def process_seconds(self) -> float:
        """Of all its threads, those among them that have ended; in steps of the kernel's clock, a hundredth of a second
        as a rule."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def serving(
    module: str, *arguments: str, environment: Mapping[str, str], log: Path, python: str = sys.executable
) -> Iterator[Server]:
    """Runs `python -m module` until the block ends; it logs `{"event": "serving", "port": …}` once it serves.

    Its log goes to a file, so that nobody else's time is spent on it. Raises RuntimeError where it does not start.
    """
    with log.open("w") as lines:
        command = [python, "-m", module, *arguments]
        process = subprocess.Popen(command, env={**os.environ, **environment}, stdout=lines, stderr=lines)
    try:
        yield Server(process.pid, f"127.0.0.1:{_port(process, log)}")
    finally:
        process.terminate()
        process.wait()


def _with_children(pid: int) -> list[int]:
    children = " ".join(path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/children")).split()
    return [pid, *(each for child in children for each in _with_children(int(child)))]


def _port(process: "subprocess.Popen[bytes]", log: Path) -> int:
    until = time.monotonic() + _START_S
    while time.monotonic() < until and process.poll() is None:
        for line in log.read_text().splitlines():
            if line.startswith("{") and line.endswith("}") and json.loads(line).get("event") == "serving":
                return int(json.loads(line)["port"])
        time.sleep(0.1)
    raise RuntimeError(f"{process.args!r} does not serve:\n{log.read_text()}")
