"""`framecast up`: one owner, restarts, and a clean end."""

import os
import signal
from pathlib import Path

import pytest

from framecast._up.health import is_serving
from tests.support.running_stack import RunningStack, ends, run, running
from tests.support.waiting import until


def test_a_second_up_on_the_same_folder_is_refused(stack: RunningStack) -> None:
    second = run(["up", "--data", str(stack.data), "--port-base", "0"], dict(os.environ), 60)
    assert second.code == 1
    assert f"pid {stack.process.pid}" in second.err


def test_a_taken_port_is_named(stack: RunningStack, tmp_path: Path) -> None:
    port = stack.addresses["registry"].rsplit(":", 1)[1]
    second = run(["up", "--data", str(tmp_path / "other"), "--port-base", port], dict(os.environ), 60)
    assert second.code == 1
    assert f"port {port} for the registry" in second.err


@pytest.mark.slow
@pytest.mark.parametrize("service", ["registry", "trainer", "inference"])
def test_a_killed_service_is_back_on_its_port(tmp_path: Path, service: str) -> None:
    with RunningStack(tmp_path / "data") as stack:
        os.kill(stack.pids[service], signal.SIGKILL)
        ends(stack.pids[service])
        until(lambda: is_serving(stack.addresses[service]), timeout_s=40)
        assert f"{service} was killed by SIGKILL" in stack.said()
        with stack.client() as client:
            assert list(client.datasets.list()) == []
            assert list(client.training.list()) == []
        assert stack.stop() == 0


@pytest.mark.slow
def test_nothing_is_left_after_ctrl_c_and_the_data_is_there_again(tmp_path: Path, shapes: Path) -> None:
    with RunningStack(tmp_path / "data") as stack:
        assert stack.command("datasets", "import", str(shapes)).code == 0
        assert stack.stop() == 0
        assert not any(running(pid) for pid in stack.pids.values())
    with RunningStack(tmp_path / "data") as stack, stack.client() as client:
        assert [dataset.id for dataset in client.datasets.list()] == ["shapes"]


@pytest.mark.slow
def test_services_end_where_up_itself_is_killed(tmp_path: Path) -> None:
    with RunningStack(tmp_path / "data") as stack:
        stack.process.kill()
        stack.process.wait()
        for pid in stack.pids.values():
            ends(pid)
