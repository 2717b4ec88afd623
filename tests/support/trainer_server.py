"""A real trainer: in this process, or in one of its own that can be killed."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc

from framecast.transport import open_channel
from framecast_trainer.settings import TrainerSettings
from framecast_trainer.wiring import Trainer
from tests.support import stand_in_worker

_START_S = 30.0


def stand_in(mode: str) -> str:
    """A `worker_command` that runs `stand_in_worker` instead of training."""
    return f"{sys.executable} {stand_in_worker.__file__} {mode}"


@dataclass(frozen=True)
class TrainerHandle:
    """Where a running trainer is."""

    address: str
    settings: TrainerSettings


@contextmanager
def trainer(folder: Path, registry_address: str, object_store_url: str, **overrides: Any) -> Iterator[TrainerHandle]:
    """Serves in this process until the block ends; `overrides` are fields of TrainerSettings."""
    settings = trainer_settings(folder, registry_address, object_store_url, **overrides)
    service = Trainer(settings)
    service.start()
    try:
        yield TrainerHandle(f"127.0.0.1:{service.server.port}", settings)
    finally:
        service.stop(grace_s=0.5)


def trainer_settings(folder: Path, registry_address: str, object_store_url: str, **overrides: Any) -> TrainerSettings:
    """A trainer on a free port, with its database and work folder below `folder`."""
    fields: dict[str, Any] = {
        "listen_address": "127.0.0.1:0",
        "registry_address": registry_address,
        "database_url": f"sqlite:///{folder / 'trainer.db'}",
        "object_store_url": object_store_url,
        "work_folder": str(folder / "work"),
        **overrides,
    }
    return TrainerSettings(**fields)


class TrainerProcess:
    """`python -m framecast_trainer`, to be killed and started again on the same folder."""

    def __init__(self, settings: TrainerSettings, log: Path) -> None:
        given = {key: value for key, value in vars(settings).items() if value is not None}
        environment = {f"FRAMECAST_{key.upper()}": str(value) for key, value in given.items()}
        self._log = log
        start = log.stat().st_size if log.exists() else 0
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "framecast_trainer"],
                env={**os.environ, **environment},
                stdout=output,
                stderr=output,
            )
        self.address = f"127.0.0.1:{self._port(start)}"

    def _port(self, start: int) -> str:
        deadline = time.monotonic() + _START_S
        while time.monotonic() < deadline and self._process.poll() is None:
            text = self._log.read_bytes()[start:].decode()
            if found := re.search(r'"event": "serving", "port": (\d+)', text):
                return found[1]
            time.sleep(0.05)
        raise AssertionError(f"the trainer did not start: {self._log.read_text()}")

    def channel(self) -> grpc.Channel:
        """A new connection."""
        return open_channel(self.address)

    def kill(self) -> None:
        """SIGKILL."""
        self._process.kill()
        self._process.wait()

    def terminate(self) -> int:
        """SIGTERM; the exit status."""
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(timeout=30)

    def __enter__(self) -> "TrainerProcess":
        return self

    def __exit__(self, *_: Any) -> None:
        if self._process.poll() is None:
            self.kill()
