"""A registry in a process of its own, which a test may kill at any instant."""

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

START_TIMEOUT_S = 60.0


class RegistryProcess:
    """`python -m framecast_registry` on a free port, with SQLite and a store in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.database_url = f"sqlite:///{folder / 'registry.db'}"
        self.object_store_url = f"file://{folder / 'objects'}"
        self._process: subprocess.Popen[str] | None = None
        self.address = ""

    def start(self) -> str:
        """Starts it and waits until it serves; returns its address."""
        environment = {
            **os.environ,
            "FRAMECAST_LISTEN_ADDRESS": "127.0.0.1:0",
            "FRAMECAST_DATABASE_URL": self.database_url,
            "FRAMECAST_OBJECT_STORE_URL": self.object_store_url,
        }
        self._process = subprocess.Popen(
            [sys.executable, "-m", "framecast_registry"], env=environment, stderr=subprocess.PIPE, text=True
        )
        timer = threading.Timer(START_TIMEOUT_S, self._process.kill)
        timer.start()
        lines: list[str] = []
        assert self._process.stderr is not None
        for line in self._process.stderr:
            lines.append(line)
            if line.startswith("{") and json.loads(line)["event"] == "serving":
                self.address = f"127.0.0.1:{json.loads(line)['port']}"
                break
        timer.cancel()
        if not self.address:
            raise AssertionError("the registry did not start:\n" + "".join(lines))
        threading.Thread(target=self._process.stderr.read, daemon=True).start()  # a full pipe would stop it
        return self.address

    def kill(self) -> None:
        """Ends it as `kill -9` does."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """Ends it as an operator does; returns the exit code."""
        return self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> int:
        assert self._process is not None
        self._process.send_signal(number)
        self.address = ""
        return self._process.wait(timeout=30)

    def __enter__(self) -> "RegistryProcess":
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None and self._process.poll() is None:
            self.kill()
