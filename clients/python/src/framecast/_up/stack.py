"""All services, supervised by a thread."""

import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from framecast._addresses import Addresses
from framecast._up.data_folder import DataFolder
from framecast._up.health import is_serving
from framecast._up.ports import await_ports
from framecast._up.service_process import ServiceProcess, describe, log_tail
from framecast._up.services import Ports, ServiceSpec, service_specs
from framecast.errors import DeadlineExceededError, FailedPreconditionError

_LOOK_EVERY_S = 0.2
_STOP_S = 15.0
_ORPHANS_S = 30.0
"""How long services may take to go whose supervisor was killed."""


class Stack:
    """Starts registry, trainer and inference with all data under one folder, and keeps them alive until `close`.

    `say` is told in plain words what happens; setting `stop` ends the start and the supervision.
    Raises FailedPreconditionError where the folder is in use, a port is taken, a service is not installed or ends
    before it serves; DeadlineExceededError where one is not up in time.
    """

    def __init__(
        self,
        data: Path,
        *,
        host: str = "127.0.0.1",
        ports: Ports | None = None,
        say: Callable[[str], None] = lambda text: None,
        start_timeout_s: float = 120.0,
        stop: threading.Event | None = None,
    ) -> None:
        ports = ports or Ports()
        stop = stop or threading.Event()
        self._data = DataFolder(data)
        try:
            patience_s = _ORPHANS_S if self._data.left_behind else 0.0
            await_ports(host, ports, patience_s=patience_s, stop=stop, say=say)
            # The services inherit the environment, but no port can be all three's.
            metrics_address = os.environ.get("FRAMECAST_METRICS_ADDRESS", "")
            specs = service_specs(self._data, host=host, ports=ports, metrics_address=metrics_address)
        except BaseException:
            self._data.release()
            raise
        self.folder = self._data.path
        self.addresses = Addresses(registry=specs[0].address, trainer=specs[1].address, inference=specs[2].address)
        self._supervisor = Supervisor(specs, say=say, stop=stop)
        try:
            self._supervisor.start(timeout_s=start_timeout_s)
        except BaseException:
            self.close()
            raise

    def pids(self) -> dict[str, int | None]:
        """Process ids by service; None while one is being started again."""
        return self._supervisor.pids()

    def close(self) -> None:
        """Stops all services, the last started first."""
        self._supervisor.close()
        self._data.release()

    def __enter__(self) -> "Stack":
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()


class Supervisor:
    """Runs services from one thread: children end with the thread that started them (`child`)."""

    def __init__(self, specs: list[ServiceSpec], *, say: Callable[[str], None], stop: threading.Event) -> None:
        self._processes = [ServiceProcess(spec, say=say) for spec in specs]
        self._stop = stop
        self._up: Future[None] = Future()
        self._thread = threading.Thread(target=self._run, name="supervisor", daemon=True)
        self._timeout_s = 0.0

    def start(self, *, timeout_s: float) -> None:
        """Returns when all services serve."""
        self._timeout_s = timeout_s
        self._thread.start()
        self._up.result()

    def pids(self) -> dict[str, int | None]:
        """Process ids by service."""
        return {process.spec.name: process.pid for process in self._processes}

    def close(self) -> None:
        """Stops all services."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        try:
            self._start_all()
        except BaseException as error:
            self._stop_all()
            self._up.set_exception(error)
            return
        self._up.set_result(None)
        while not self._stop.wait(_LOOK_EVERY_S):
            for process in self._processes:
                process.look_after()
        self._stop_all()

    def _start_all(self) -> None:
        deadline = time.monotonic() + self._timeout_s
        for process in self._processes:
            process.start()
        for process in self._processes:
            while not is_serving(process.spec.address):
                code = process.exit_code()
                if code is not None:
                    raise FailedPreconditionError(
                        f"{process.spec.name} {describe(code)} before it served. The end of {process.spec.log_path}:\n"
                        f"{log_tail(process.spec.log_path)}",
                        reason="SERVICE_START_FAILED",
                        service=process.spec.name,
                    )
                if time.monotonic() > deadline:
                    raise DeadlineExceededError(
                        f"{process.spec.name} does not serve after {self._timeout_s:g} seconds; see"
                        f" {process.spec.log_path}",
                        reason="SERVICE_START_TIMEOUT",
                        service=process.spec.name,
                    )
                if self._stop.wait(_LOOK_EVERY_S):
                    raise FailedPreconditionError("stopped while starting", reason="STOPPED")

    def _stop_all(self) -> None:
        deadline = time.monotonic() + _STOP_S
        for process in reversed(self._processes):
            process.terminate()
        for process in reversed(self._processes):
            process.wait(deadline - time.monotonic())
