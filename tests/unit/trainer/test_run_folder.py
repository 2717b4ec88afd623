import os
from pathlib import Path

import pytest

from framecast_trainer.job import Device
from framecast_trainer.run_event import (
    MetricTaken,
    ProgressMade,
    RunEvent,
    RunFailed,
    RunStarted,
    RunStopped,
    RunSucceeded,
    WarningGiven,
    from_line,
    to_line,
)
from framecast_trainer.run_folder import RunFolder
from framecast_trainer.run_spec import RunSpec
from tests.unit.trainer.jobs import CONFIG

EVENTS: list[RunEvent] = [
    RunStarted(12),
    ProgressMade("training", 1, 2, 3, 4, 0.5),
    MetricTaken("loss", float("inf"), 1, 2, 3.5),
    WarningGiven("random weights – beware"),
    RunSucceeded("ab" * 32, {"mAP50": 0.5}),
    RunFailed("InternalError", "TRAINING_CRASHED", "no\nluck", {"a": "b"}),
    RunStopped(),
]


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return RunFolder(tmp_path)


@pytest.mark.parametrize("event", EVENTS)
def test_events_survive_their_line(event: RunEvent) -> None:
    line = to_line(event)
    assert line.count(b"\n") == 1
    assert from_line(line) == event


@pytest.mark.parametrize("line", [b"", b"{", b"[]", b'{"event": "news"}', b'{"event": "started"}', b"\xff"])
def test_damaged_lines_are_no_events(line: bytes) -> None:
    assert from_line(line) is None


def test_events_are_read_from_an_offset_and_never_half(folder: RunFolder) -> None:
    assert folder.events(0) == ([], 0)
    for event in EVENTS[:2]:
        folder.append(event)
    with (folder.path / "events.jsonl").open("ab") as file:
        file.write(to_line(EVENTS[2])[:10])
    events, offset = folder.events(0)
    assert events == EVENTS[:2]
    assert folder.events(offset) == ([], offset)
    with (folder.path / "events.jsonl").open("ab") as file:
        file.write(to_line(EVENTS[2])[10:])
    assert folder.events(offset)[0] == EVENTS[2:3]
    assert list(folder.all_events()) == EVENTS[:3]
    assert folder.worker_pid() == 12


def test_the_lock_lives_with_whoever_holds_the_open_file(folder: RunFolder) -> None:
    assert not folder.locked()
    held = folder.lock()
    assert held is not None
    assert folder.locked()
    assert folder.lock() is None
    inherited = os.dup(held)
    os.close(held)
    assert folder.locked()
    os.close(inherited)
    assert not folder.locked()


def test_the_spec_survives_the_folder(folder: RunFolder) -> None:
    spec = RunSpec(
        project="demo",
        job_id="job-1",
        training_job="projects/demo/trainingJobs/job-1",
        model_version="v",
        dataset_version="d",
        dataset_digest="x",
        architecture="yolov5n",
        config=CONFIG,
        registry_address="localhost:1",
        object_store_url="file:///tmp/x",
    )
    folder.prepare(spec)
    assert folder.spec() == spec
    assert folder.spec().config.device is Device.AUTO


def test_tidy_keeps_events_and_log(folder: RunFolder) -> None:
    folder.append(RunStarted(1))
    folder.log_path.write_text("log")
    (folder.scratch / "checkpoints").mkdir(parents=True)
    folder.tidy()
    assert not folder.scratch.exists()
    assert (folder.log(1, 9), folder.log_size(), folder.worker_pid()) == (b"og", 3, 1)
