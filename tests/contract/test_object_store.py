"""What every object store promises."""

import hashlib
import os
import threading
import uuid
from typing import Any

import pytest

from framecast.errors import NotFoundError
from framecast_runtime.object_store import blob_path, open_object_store

S3_VARIABLE = "FRAMECAST_TEST_S3_URL"


@pytest.fixture(params=["memory", "file", "s3"])
def store(request, tmp_path):
    if request.param == "memory":
        return open_object_store("memory://")
    if request.param == "file":
        return open_object_store(f"file://{tmp_path / 'objects'}")
    url = os.environ.get(S3_VARIABLE)
    if not url:
        pytest.skip(f"no S3 server: set {S3_VARIABLE} to s3://bucket and AWS_ENDPOINT, AWS_ACCESS_KEY_ID, …")
    return open_object_store(f"{url.rstrip('/')}/{uuid.uuid4().hex}")


def test_what_was_put_is_read(store):
    store.put("a/b", b"hello")
    assert store.get("a/b") == b"hello"
    assert store.size("a/b") == 5
    assert store.get_range("a/b", 1, 3) == b"ell"
    assert store.get_range("a/b", 3, 100) == b"lo"


def test_put_replaces(store):
    store.put("a", b"1")
    store.put("a", b"22")
    assert store.get("a") == b"22"


def test_a_missing_object_is_named(store):
    assert store.size("none") is None
    for read in (
        store.get,
        lambda path: store.get_range(path, 0, 1),
        lambda path: list(store.chunks(path)),
        store.open,
    ):
        with pytest.raises(NotFoundError, match="none"):
            read("none")


def test_deleting_twice_is_no_error(store):
    store.put("a", b"1")
    store.delete("a")
    store.delete("a")
    assert store.size("a") is None


def test_put_new_never_replaces(store):
    assert store.put_new("a", b"1")
    assert not store.put_new("a", b"2")
    assert store.get("a") == b"1"


def test_put_new_has_one_winner(store):
    won: list[int] = []

    def put(number: int) -> None:
        if store.put_new("race", b"%d" % number):
            won.append(number)

    threads = [threading.Thread(target=put, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert store.get("race") == b"%d" % won[0]


def test_blob_lies_under_its_digest(store):
    sha256 = store.put_blob(b"pixels")
    assert sha256 == hashlib.sha256(b"pixels").hexdigest()
    assert store.put_blob(b"pixels") == sha256
    assert store.get(blob_path(sha256)) == b"pixels"


def test_chunks_join_to_the_whole_from_any_start(store):
    data = os.urandom(2_500_000)
    store.put("a", data)
    assert b"".join(store.chunks("a")) == data
    assert b"".join(store.chunks("a", start=1_100_000, end=2_200_000)) == data[1_100_000:2_200_000]
    assert list(store.chunks("a", start=len(data))) == []
    assert max(map(len, store.chunks("a"))) <= 1024 * 1024


def test_put_chunks_copies_from_the_same_store(store):
    data = os.urandom(12_000_000)
    store.put("a", data)
    store.put_chunks("b", store.chunks("a"))
    assert store.get("b") == data
    store.put_chunks("empty", iter(()))
    assert store.size("empty") == 0


def test_put_chunks_that_fails_writes_nothing(store):
    def broken() -> Any:
        yield b"x" * 6_000_000
        raise KeyError("the source broke")

    with pytest.raises(KeyError, match="the source broke"):
        store.put_chunks("a", broken())
    assert store.size("a") is None


def test_list_gives_what_lies_below_a_folder(store):
    for path in ("up/1/a", "up/1/b", "up/12/c", "other/d"):
        store.put(path, b"12")
    assert sorted(store.list("up/1")) == [("up/1/a", 2), ("up/1/b", 2)]
    assert sorted(path for path, _ in store.list("up")) == ["up/1/a", "up/1/b", "up/12/c"]
    assert list(store.list("none")) == []


def test_open_gives_something_to_seek_in(store):
    data = os.urandom(1_500_000)
    store.put("a", data)
    opened = store.open("a")
    with opened.open("rb") if hasattr(opened, "open") else opened as file:
        assert file.seek(0, 2) == len(data)
        file.seek(1_000_000)
        assert file.read(100_000) == data[1_000_000:1_100_000]
        file.seek(-5, 1)
        assert file.read() == data[1_099_995:]
        assert file.read(10) == b""
