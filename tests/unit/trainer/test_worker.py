import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from framecast.errors import CancelledError, DataLossError, UnavailableError
from framecast_runtime.object_store import open_object_store
from framecast_trainer.run_event import RunFailed, RunStarted, RunStopped, RunSucceeded
from framecast_trainer.run_folder import RunFolder
from framecast_trainer.worker import StopSignal, conduct, failure, fetch_weights, patiently


@pytest.fixture(autouse=True)
def _our_own_sigterm() -> Iterator[None]:
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


class OutOfMemoryError(RuntimeError):
    """Named as torch's."""


def test_our_own_errors_keep_their_reason() -> None:
    error = DataLossError("7.jpg cannot be decoded", reason="IMAGE_UNREADABLE", file="7.jpg")
    assert failure(error) == RunFailed(
        "DataLossError", "IMAGE_UNREADABLE", "7.jpg cannot be decoded", {"file": "7.jpg"}
    )


def test_other_errors_are_crashes_named_by_type() -> None:
    assert failure(ValueError("no")) == RunFailed("InternalError", "TRAINING_CRASHED", "ValueError: no")


@pytest.mark.parametrize("error", [MemoryError(), OutOfMemoryError("CUDA out of memory")])
def test_a_lack_of_memory_comes_with_advice(error: Exception) -> None:
    result = failure(error)
    assert (result.kind, result.reason) == ("ResourceExhaustedError", "OUT_OF_MEMORY")
    assert "lower batch_size" in result.message


def test_every_end_is_reported(tmp_path: Path) -> None:
    def crash(stop: StopSignal) -> RunSucceeded:
        raise ValueError("no")

    def stop_at_once(stop: StopSignal) -> RunSucceeded:
        folder.ask_to_stop()
        stop.check()
        raise AssertionError("not stopped")

    for work, end, status in (
        (lambda stop: RunSucceeded("ab"), RunSucceeded("ab"), 0),
        (crash, RunFailed("InternalError", "TRAINING_CRASHED", "ValueError: no"), 1),
        (stop_at_once, RunStopped(), 1),
    ):
        folder = RunFolder(tmp_path / type(end).__name__)
        folder.path.mkdir()
        assert conduct(folder, work) == status
        first, last = folder.all_events()
        assert isinstance(first, RunStarted)
        assert last == end


def test_stop_signals_are_typed(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.ask_to_stop()
    with pytest.raises(CancelledError):
        StopSignal(folder).check()


def test_a_service_that_restarts_is_waited_for_but_not_for_ever(tmp_path: Path) -> None:
    answers: list[Exception | str] = [UnavailableError("away"), "data"]

    def call() -> str:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert patiently(call, StopSignal(RunFolder(tmp_path))) == "data"
    answers = [UnavailableError("away")]
    with pytest.raises(UnavailableError):
        patiently(call, StopSignal(RunFolder(tmp_path)), patience_s=-1)


def test_stored_weights_become_a_file(tmp_path: Path) -> None:
    store = open_object_store("memory://")
    assert fetch_weights("DEFAULT", store, tmp_path) == "DEFAULT"
    path = Path(fetch_weights(f"projects/p/blobs/{store.put_blob(b'tensors')}", store, tmp_path))
    assert path.read_bytes() == b"tensors"
