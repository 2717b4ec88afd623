"""Supervision of child processes, with a tiny service in place of the real ones."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from framecast import DeadlineExceededError, FailedPreconditionError
from framecast._up.data_folder import DataFolder
from framecast._up.ports import await_ports, check_ports, free_ports
from framecast._up.services import Ports, ServiceSpec, service_specs
from framecast._up.stack import Supervisor
from framecast_runtime.database import connect
from framecast_runtime.object_store import open_object_store
from tests.support.waiting import until

SERVICE = """
import os, signal, sys, threading
from framecast_runtime.server import GrpcServer, run_until_signalled
if os.path.exists(os.environ["FRAMECAST_BROKEN"]):
    print("cannot start: no flux", flush=True)
    sys.exit(3)
if os.environ.get("FRAMECAST_DEAF"):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    threading.Event().wait()
run_until_signalled(GrpcServer(os.environ["FRAMECAST_LISTEN_ADDRESS"], []), grace_s=0.1)
"""


@pytest.fixture
def spec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ServiceSpec:
    (tmp_path / "tiny_service.py").write_text(SERVICE)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    address = f"127.0.0.1:{free_ports().registry}"
    environment = {"FRAMECAST_LISTEN_ADDRESS": address, "FRAMECAST_BROKEN": str(tmp_path / "broken")}
    return ServiceSpec("tiny", "tiny_service", address, environment, tmp_path / "tiny.log")


class Running:
    """A supervisor and what it said."""

    def __init__(self, spec: ServiceSpec) -> None:
        self.said: list[str] = []
        self.supervisor = Supervisor([spec], say=self.said.append, stop=threading.Event())
        self.supervisor.start(timeout_s=30)

    def pid(self) -> int | None:
        return self.supervisor.pids()["tiny"]


@pytest.fixture
def running(spec: ServiceSpec) -> Iterator[Running]:
    made = Running(spec)
    yield made
    made.supervisor.close()


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"


def test_a_killed_service_is_started_again_and_said_so(running: Running) -> None:
    first = running.pid()
    assert first is not None
    os.kill(first, signal.SIGKILL)
    until(lambda: running.pid() not in (None, first))
    assert any("killed by SIGKILL" in text for text in running.said)
    assert any("starts again" in text for text in running.said)


def test_close_stops_the_service(running: Running) -> None:
    pid = running.pid()
    assert pid is not None
    running.supervisor.close()
    assert not alive(pid)


def test_a_service_that_ends_at_once_is_reported_with_its_last_words(spec: ServiceSpec, tmp_path: Path) -> None:
    (tmp_path / "broken").touch()
    with pytest.raises(FailedPreconditionError, match="no flux") as caught:
        Running(spec)
    assert caught.value.reason == "SERVICE_START_FAILED"


def test_a_service_that_never_serves_is_given_up_and_killed(spec: ServiceSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRAMECAST_DEAF", "1")
    monkeypatch.setattr("framecast._up.stack._STOP_S", 0.3)
    supervisor = Supervisor([spec], say=lambda text: None, stop=threading.Event())
    with pytest.raises(DeadlineExceededError):
        supervisor.start(timeout_s=2)
    pid = supervisor.pids()["tiny"]
    assert pid is None or not alive(pid)


def test_services_end_with_a_supervisor_that_is_killed(spec: ServiceSpec, tmp_path: Path) -> None:
    script = tmp_path / "supervise.py"
    script.write_text(
        "import sys, threading, time\n"
        "from pathlib import Path\n"
        "from framecast._up.services import ServiceSpec\n"
        "from framecast._up.stack import Supervisor\n"
        f"spec = ServiceSpec('tiny', 'tiny_service', {spec.address!r}, {dict(spec.environment)!r},"
        f" Path({str(spec.log_path)!r}))\n"
        "supervisor = Supervisor([spec], say=print, stop=threading.Event())\n"
        "supervisor.start(timeout_s=30)\n"
        "print(supervisor.pids()['tiny'], flush=True)\n"
        "time.sleep(60)\n"
    )
    supervisor = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True)
    assert supervisor.stdout is not None
    pid = int(supervisor.stdout.readline())
    assert alive(pid)
    supervisor.kill()
    supervisor.wait()
    until(lambda: not alive(pid))


def test_a_data_folder_has_one_owner(tmp_path: Path) -> None:
    with DataFolder(tmp_path / "data"):
        with pytest.raises(FailedPreconditionError, match=str(os.getpid())) as caught:
            DataFolder(tmp_path / "data")
        assert caught.value.reason == "DATA_FOLDER_IN_USE"
    DataFolder(tmp_path / "data").release()


def test_a_data_folder_may_be_called_anything(tmp_path: Path) -> None:
    with DataFolder(tmp_path / "50%20 of #1?") as data:
        registry = service_specs(data, host="127.0.0.1", ports=Ports())[0].environment
        open_object_store(registry["FRAMECAST_OBJECT_STORE_URL"]).put("a", b"1")
        assert (data.path / "objects" / "a").read_bytes() == b"1"
        engine = connect(registry["FRAMECAST_DATABASE_URL"])
        with engine.connect():
            assert (data.path / "registry.db").is_file()
        engine.dispose()


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        ("127.0.0.1:9464", ["127.0.0.1:9464", "127.0.0.1:9465", "127.0.0.1:9466"]),
        ("127.0.0.1:0", ["127.0.0.1:0"] * 3),
        ("", [""] * 3),
        ("nonsense", ["nonsense"] * 3),  # for the services to refuse
    ],
)
def test_each_service_has_its_own_port_for_metrics(tmp_path: Path, asked: str, given: list[str]) -> None:
    with DataFolder(tmp_path / "data") as data:
        specs = service_specs(data, host="127.0.0.1", ports=Ports(), metrics_address=asked)
    assert [spec.environment["FRAMECAST_METRICS_ADDRESS"] for spec in specs] == given


def test_a_taken_port_is_named(spec: ServiceSpec, running: Running) -> None:
    taken = int(spec.address.rsplit(":", 1)[1])
    with pytest.raises(FailedPreconditionError, match=f"port {taken} for the trainer") as caught:
        check_ports("127.0.0.1", Ports(free_ports().registry, taken, free_ports().inference))
    assert caught.value.reason == "PORT_TAKEN"


def test_the_restart_delay_grows(spec: ServiceSpec, running: Running, tmp_path: Path) -> None:
    (tmp_path / "broken").touch()
    pid = running.pid()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    until(lambda: sum("starting again in" in text for text in running.said) >= 3, timeout_s=30)
    delays = [float(text.rsplit(" in ", 1)[1].split()[0]) for text in running.said if "starting again in" in text]
    assert delays == sorted(delays)
    assert delays[-1] > delays[0]
    (tmp_path / "broken").unlink()
    time.sleep(0.1)


def test_the_next_up_waits_for_services_that_a_killed_one_left(tmp_path: Path) -> None:
    first = DataFolder(tmp_path / "data")
    assert not first.left_behind
    first.release()
    second = DataFolder(tmp_path / "data")
    assert not second.left_behind
    second._lock.close()  # as a kill does: the file keeps the number of the process
    third = DataFolder(tmp_path / "data")
    assert third.left_behind
    third.release()

    ports = free_ports()
    orphan = socket.socket()
    orphan.bind(("127.0.0.1", ports.trainer))
    orphan.listen()
    said: list[str] = []
    never = threading.Event()
    with pytest.raises(FailedPreconditionError):
        await_ports("127.0.0.1", ports, patience_s=0.0, stop=never, say=said.append)
    threading.Timer(0.5, orphan.close).start()
    await_ports("127.0.0.1", ports, patience_s=20.0, stop=never, say=said.append)
    assert len(said) == 1
    assert str(ports.trainer) in said[0]
