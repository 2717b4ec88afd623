import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from framecast.errors import InvalidArgumentError, OutOfRangeError, UnavailableError
from framecast_runtime.changes import Changes
from framecast_trainer import job as jobs
from framecast_trainer.job import Job, JobError, JobState
from framecast_trainer.job_streams import JobStreams
from framecast_trainer.local_launcher import LocalLauncher
from framecast_trainer.memory_job_store import MemoryJobStore
from framecast_trainer.run_event import MetricTaken, ProgressMade
from framecast_trainer.run_folder import RunFolder
from tests.unit.trainer.jobs import NOW, make_job

ERROR = JobError("InternalError", "WORKER_LOST", "gone")


class World:
    def __init__(self, folder: Path) -> None:
        self.store = MemoryJobStore()
        self.changes = Changes()
        self.streams = JobStreams(self.store, LocalLauncher(folder), self.changes, interval_s=0.01)
        self.job = self.store.add(make_job(state=JobState.RUNNING))[0]
        self.run = RunFolder(folder / "runs" / "demo" / "job-1")
        self.run.path.mkdir(parents=True)

    def write(self, data: bytes) -> None:
        with self.run.log_path.open("ab") as file:
            file.write(data)

    def measure(self, *values: float) -> None:
        for value in values:
            self.run.append(MetricTaken("loss", value, 0, 0, 0.0))
            self.run.append(ProgressMade("training"))

    def end(self) -> None:
        self.store.update(self.job, lambda job: jobs.failed(job, ERROR, NOW))
        self.changes.notify()

    def logs(self, offset: int = 0, follow: bool = False) -> Iterator[tuple[int, bytes]]:
        return self.streams.logs("demo", "job-1", offset, follow=follow, wanted=lambda: True)

    def values(self, offset: int = 0, follow: bool = False) -> Iterator[tuple[int, list[float]]]:
        parts = self.streams.metrics("demo", "job-1", offset, follow=follow, wanted=lambda: True)
        return ((start, [point.value for point in points]) for start, points in parts)

    def watch(self) -> Iterator[Job]:
        return self.streams.watch("demo", "job-1", lambda: True)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_watch_shows_the_job_its_changes_and_its_end(world: World) -> None:
    seen = world.watch()
    assert next(seen).state is JobState.RUNNING
    world.changes.notify()  # some other job
    world.end()
    assert [job.state for job in seen] == [JobState.FAILED]


def test_watch_of_an_ended_job_is_one_message(world: World) -> None:
    world.end()
    assert len(list(world.watch())) == 1


def test_streams_end_when_nobody_listens_any_more(world: World) -> None:
    assert len(list(world.streams.watch("demo", "job-1", lambda: False))) == 1
    assert list(world.streams.logs("demo", "job-1", 0, follow=True, wanted=lambda: False)) == []


def test_streams_end_when_the_service_does(world: World) -> None:
    seen, lines, points = world.watch(), world.logs(follow=True), world.values(follow=True)
    next(seen)
    world.changes.close()
    for stream in (seen, lines, points):
        with pytest.raises(UnavailableError):
            next(stream)


def test_logs_come_from_an_offset(world: World) -> None:
    world.write(b"one two")
    assert list(world.logs()) == [(0, b"one two")]
    assert list(world.logs(4)) == [(4, b"two")]
    assert list(world.logs(7)) == []


def test_a_character_is_never_split(world: World) -> None:
    world.write("aµ€😀".encode()[:-1])
    assert list(world.logs()) == [(0, "aµ€".encode())]
    world.write("😀".encode()[-1:])
    assert list(world.logs(6)) == [(6, "😀".encode())]


def test_long_logs_come_in_parts_that_join_up(world: World) -> None:
    text = ("µ€" * 50_000).encode()
    world.write(text)
    parts = list(world.logs())
    assert len(parts) > 2
    assert all(part.decode() for _, part in parts)
    assert b"".join(part for _, part in parts) == text
    assert [offset for offset, _ in parts][1] == len(parts[0][1])


def test_bytes_that_are_no_text_become_question_marks_of_the_same_length(world: World) -> None:
    world.write(b"a\xff\xfeb\xe2\x82")
    world.end()
    assert list(world.logs()) == [(0, b"a??b??")]


def test_following_a_log_ends_with_the_job(world: World) -> None:
    world.write(b"one ")
    lines = world.logs(follow=True)
    assert next(lines) == (0, b"one ")
    world.write(b"two")
    assert next(lines) == (4, b"two")
    threading.Timer(0.05, world.end).start()
    assert list(lines) == []


def test_metrics_come_from_an_offset(world: World) -> None:
    world.measure(3.0, 2.0, 1.0)
    assert list(world.values()) == [(0, [3.0, 2.0, 1.0])]
    assert list(world.values(2)) == [(2, [1.0])]
    assert list(world.values(3)) == []


def test_following_metrics_ends_with_the_job(world: World) -> None:
    world.measure(3.0)
    points = world.values(follow=True)
    assert next(points) == (0, [3.0])
    world.measure(2.0, 1.0)
    assert next(points) == (1, [2.0, 1.0])
    threading.Timer(0.05, world.end).start()
    assert list(points) == []


def test_impossible_offsets_are_refused(world: World) -> None:
    for refused in (world.logs(-1), world.values(-1)):
        with pytest.raises(InvalidArgumentError):
            next(refused)
    for refused in (world.logs(1), world.values(1)):
        with pytest.raises(OutOfRangeError):
            next(refused)
