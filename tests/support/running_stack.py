"""`framecast up` as a real process."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from framecast import Client
from tests.support.waiting import until


class RunningStack:
    """Starts on free ports; `stop` ends it as Ctrl-C does."""

    def __init__(self, data: Path, *arguments: str) -> None:
        self.data = data
        self._errors: IO[bytes] = (data.parent / f"{data.name}.err").open("wb")
        given = arguments or ("--port-base", "0")
        command = [sys.executable, "-m", "framecast", "up", "--data", str(data), "--json", *given]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self._errors, text=True)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            self.process.wait()
            raise AssertionError(f"`up` ended with {self.process.returncode}: {self.said()}")
        facts: dict[str, Any] = json.loads(line)
        self.pids: dict[str, int] = facts["pids"]
        self.addresses: dict[str, str] = {name: facts[name] for name in ("registry", "trainer", "inference")}

    def said(self) -> str:
        """All that it wrote to standard error."""
        return Path(str(self._errors.name)).read_text()

    def client(self) -> Client:
        """A client of these services."""
        return Client(
            self.addresses["registry"],
            trainer_address=self.addresses["trainer"],
            inference_address=self.addresses["inference"],
        )

    def until_inference_serves(self) -> None:
        """Returns once the inference service answers; `up` restarts one that was killed."""
        until(lambda: _serves(self.addresses["inference"]), timeout_s=60)

    def environment(self) -> dict[str, str]:
        """What a command needs to find these services."""
        return {f"FRAMECAST_{name.upper()}_ADDRESS": address for name, address in self.addresses.items()}

    def command(self, *arguments: str, timeout_s: float = 240.0) -> "Outcome":
        """Runs `framecast …` against these services."""
        return run(arguments, {**os.environ, **self.environment()}, timeout_s)

    def stop(self) -> int:
        """Ctrl-C; the exit code."""
        self.process.send_signal(signal.SIGINT)
        code = self.process.wait(timeout=40)
        self._errors.close()
        return code

    def __enter__(self) -> "RunningStack":
        return self

    def __exit__(self, *_: Any) -> None:
        if self.process.poll() is None:
            self.stop()


@dataclass(frozen=True)
class Outcome:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output as one document."""
        return json.loads(self.out)

    @property
    def json_lines(self) -> list[Any]:
        """Standard output as a document per line."""
        return [json.loads(line) for line in self.out.splitlines()]


def run(arguments: Sequence[str], environment: dict[str, str], timeout_s: float) -> Outcome:
    """Runs `framecast …`."""
    command = [sys.executable, "-m", "framecast", *arguments]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=timeout_s, check=False)
    return Outcome(ended.returncode, ended.stdout, ended.stderr)


def _serves(address: str) -> bool:
    with grpc.insecure_channel(address) as channel:
        health: Any = health_pb2_grpc.HealthStub(channel)
        try:
            answer = health.Check(health_pb2.HealthCheckRequest(), timeout=5)
        except grpc.RpcError:
            return False
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


def ends(pid: int) -> None:
    """Waits until a process is gone."""
    until(lambda: not running(pid), timeout_s=30)


def running(pid: int) -> bool:
    """Whether a process runs; one that only waits for its parent to notice does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
