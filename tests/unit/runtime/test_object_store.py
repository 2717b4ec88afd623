"""Object stores by URL."""

import os
import time
from collections.abc import Iterator
from datetime import timedelta

import pytest
from obstore.exceptions import GenericError

from framecast.errors import InvalidArgumentError, ResourceExhaustedError, UnavailableError
from framecast_runtime.object_store import blob_path, open_object_store


def test_a_blob_lies_below_the_start_of_its_digest():
    assert blob_path("ab" + "0" * 62) == "blobs/sha256/ab/ab" + "0" * 62


@pytest.mark.parametrize("url", ["", "/folder", "ftp://host/x", "gs://bucket"])
def test_another_scheme_is_refused(url):
    with pytest.raises(InvalidArgumentError) as caught:
        open_object_store(url)
    assert caught.value.field == "object_store_url"


def test_a_folder_is_created_and_its_name_may_have_any_character(tmp_path):
    store = open_object_store((tmp_path / "my objects ü#").as_uri())
    store.put("a", b"1")
    assert (tmp_path / "my objects ü#" / "a").read_bytes() == b"1"
    assert store.open("a") == tmp_path / "my objects ü#" / "a"


def test_a_store_that_is_away_is_unavailable(monkeypatch):
    for key, value in {
        "AWS_ENDPOINT": "http://127.0.0.1:1",
        "AWS_ALLOW_HTTP": "true",
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "x",
        "AWS_REGION": "x",
    }.items():
        monkeypatch.setenv(key, value)
    from obstore.store import S3Store

    from framecast_runtime.object_store import ObjectStore

    store = ObjectStore(S3Store("bucket", retry_config={"max_retries": 0}))
    with pytest.raises(UnavailableError) as caught:
        store.get("a")
    assert "127.0.0.1" not in caught.value.message


def test_only_old_half_written_files_are_removed(tmp_path):
    store = open_object_store(tmp_path.as_uri())
    store.put("a/b", b"1")
    seen: set[str] = set()

    def chunks() -> Iterator[bytes]:
        yield b"x" * 6_000_000
        deadline = time.monotonic() + 10
        while not seen and time.monotonic() < deadline:
            seen.update(path.name for path in (tmp_path / "a").iterdir() if "#" in path.name)
            time.sleep(0.01)

    store.put_chunks("a/c", chunks())
    (staged,) = seen  # how the store itself names what it is writing
    for name, age_s in ((staged, 90_000), ("c#2", 60), ("c#x", 90_000), ("b", 90_000)):
        path = tmp_path / "a" / name
        path.touch()
        os.utime(path, (time.time() - age_s,) * 2)
    store.remove_abandoned(timedelta(hours=24))
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == ["b", "c", "c#2", "c#x"]


def test_a_full_disk_is_called_so(monkeypatch):
    def put(*_args, **_kwargs):
        raise GenericError("Generic LocalFileSystem error: No space left on device (os error 28)")

    monkeypatch.setattr("obstore.put", put)
    with pytest.raises(ResourceExhaustedError) as caught:
        open_object_store("memory://").put("a", b"1")
    assert caught.value.reason == "OBJECT_STORE_FULL"
