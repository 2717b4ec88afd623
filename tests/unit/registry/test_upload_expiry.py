"""Uploads that nobody finishes go away, and nothing else does."""

import hashlib
import time
from typing import Any

import pytest

from framecast.errors import AlreadyExistsError, NotFoundError
from framecast_registry.projects import Projects
from framecast_registry.requests import forget_old_requests
from framecast_registry.sweeper import Sweeper
from framecast_registry.uploads import Uploads
from tests.support.memory_backends import MemoryBackends

DATA = b"0123456789"
SHA256 = hashlib.sha256(DATA).hexdigest()


@pytest.fixture
def backends():
    return MemoryBackends()


@pytest.fixture
def uploads(backends):
    return Uploads(backends.metadata, backends.objects, backends.clock, max_blob_bytes=100)


def start(uploads: Any, written: Any = b"0123") -> Any:
    upload_id = uploads.create("default", len(DATA), SHA256, "").upload.upload_id
    uploads.write("default", upload_id, iter([(0, written)]))
    return upload_id


def test_an_upload_is_removed_after_a_day(backends, uploads):
    upload_id = start(uploads)
    backends.clock.advance(hours=23, minutes=59)
    uploads.sweep()
    assert uploads.get("default", upload_id).committed_bytes == 4
    backends.clock.advance(minutes=1)
    uploads.sweep()
    with pytest.raises(NotFoundError):
        uploads.get("default", upload_id)
    assert list(backends.objects.list("uploads")) == []


def test_a_finished_uploads_blob_stays(backends, uploads):
    start(uploads, DATA)
    backends.clock.advance(days=2)
    uploads.sweep()
    assert uploads.create("default", len(DATA), SHA256, "").upload.finished
    assert [size for _, size in backends.objects.list("blobs")] == [len(DATA)]


def test_parts_of_no_upload_are_removed(backends, uploads):
    kept = start(uploads)
    backends.objects.put("uploads/unknown/00000000000000000000", b"x")
    uploads.sweep()
    assert [path.split("/")[1] for path, _ in backends.objects.list("uploads")] == [kept]


def test_parts_behind_a_gap_do_not_count(backends, uploads):
    upload_id = start(uploads)
    backends.objects.put(f"uploads/{upload_id}/{8:020d}", b"89")
    assert uploads.get("default", upload_id).committed_bytes == 4


def test_the_sweeper_runs_at_once_and_again(backends, uploads):
    start(uploads)
    backends.clock.advance(days=2)
    sweeper = Sweeper(uploads.sweep, interval_s=0.01)
    sweeper.start()
    wait_until(lambda: not list(backends.objects.list("uploads")))
    start(uploads)
    backends.clock.advance(days=2)
    wait_until(lambda: not list(backends.objects.list("uploads")))
    sweeper.stop()


def test_a_failing_sweep_is_tried_again_and_keeps_no_other_from_its_turn():
    calls: list[str] = []

    def failing() -> None:
        calls.append("failing")
        raise OSError("no disk")

    sweeper = Sweeper(failing, lambda: calls.append("other"), interval_s=0.01)
    sweeper.start()
    wait_until(lambda: calls.count("failing") > 2 and "other" in calls)
    sweeper.stop()


def test_a_request_is_forgotten_with_its_upload(backends, uploads):
    first = uploads.create("default", len(DATA), SHA256, "r").upload
    assert uploads.create("default", len(DATA), SHA256, "r").upload == first
    uploads.delete("default", first.upload_id)
    second = uploads.create("default", len(DATA), SHA256, "r").upload
    assert second.upload_id != first.upload_id
    backends.clock.advance(days=1)
    uploads.sweep()
    assert uploads.create("default", len(DATA), SHA256, "r").upload.upload_id != second.upload_id


def test_requests_are_forgotten_after_seven_days(backends):
    projects = Projects(backends.metadata, backends.clock)
    projects.create("shop", "Shop", "r")
    backends.clock.advance(days=7)
    forget_old_requests(backends.metadata, backends.clock)
    assert projects.create("shop", "Shop", "r").project_id == "shop"
    backends.clock.advance(seconds=1)
    forget_old_requests(backends.metadata, backends.clock)
    with pytest.raises(AlreadyExistsError):
        projects.create("shop", "Shop", "r")


def wait_until(condition: Any) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)
