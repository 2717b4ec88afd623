"""Uploaded bytes: on disk as long as the call, and not a moment longer."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from framecast.errors import ResourceExhaustedError
from framecast_inference.adapters.spool_folder import SpoolFolder


def test_the_file_is_whole_within_and_gone_behind(tmp_path: Path) -> None:
    spool = SpoolFolder(tmp_path, max_upload_bytes=100)
    with spool.receive(iter([b"abc", b"", b"def"])) as path:
        assert path.read_bytes() == b"abcdef"
    assert list(spool.path.iterdir()) == []


def test_an_error_of_the_sender_or_the_reader_leaves_nothing(tmp_path: Path) -> None:
    spool = SpoolFolder(tmp_path, max_upload_bytes=100)

    def broken() -> Iterator[bytes]:
        yield b"abc"
        raise ConnectionError

    with pytest.raises(ConnectionError), spool.receive(broken()):
        pass
    with pytest.raises(KeyError), spool.receive(iter([b"abc"])):
        raise KeyError
    assert list(spool.path.iterdir()) == []


def test_an_upload_above_the_limit_is_refused_as_soon_as_it_is(tmp_path: Path) -> None:
    spool = SpoolFolder(tmp_path, max_upload_bytes=5)
    chunks = iter([b"abc", b"def", b"never read"])
    with pytest.raises(ResourceExhaustedError) as caught, spool.receive(chunks):
        pass
    assert caught.value.reason == "UPLOAD_TOO_LARGE"
    assert list(chunks) == [b"never read"]
    assert list(spool.path.iterdir()) == []


def test_what_a_killed_process_left_is_removed_and_what_runs_is_kept(tmp_path: Path) -> None:
    (tmp_path / "77-dead").mkdir()
    (tmp_path / "77-dead/upload-x").write_bytes(b"left behind")
    (tmp_path / "77-dead.lock").touch()
    (tmp_path / "not-ours").mkdir()
    running = SpoolFolder(tmp_path, max_upload_bytes=5)
    other = SpoolFolder(tmp_path, max_upload_bytes=5)
    assert running.path.is_dir()
    other.close()
    running.close()
    assert {path.name for path in tmp_path.iterdir()} == {"not-ours"}
