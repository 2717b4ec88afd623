"""Blobs as bytes and as files, from a folder and from a store that is none."""

import hashlib
from pathlib import Path

import pytest

from framecast.errors import DataLossError
from framecast_inference.adapters.stored_blobs import StoredBlobs
from framecast_runtime.object_store import blob_path, open_object_store

DATA = b"a video" * 400_000


@pytest.fixture(params=["folder", "memory"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return f"file://{tmp_path / 'objects'}" if request.param == "folder" else "memory://"


def spool_of(tmp_path: Path) -> Path:
    spool = tmp_path / "spool"
    spool.mkdir()
    return spool


def test_a_blob_is_read_back_and_lent_as_a_file(url: str, tmp_path: Path) -> None:
    spool = spool_of(tmp_path)
    blobs = StoredBlobs(open_object_store(url), spool)
    sha256 = blobs.write(DATA)
    assert sha256 == hashlib.sha256(DATA).hexdigest()
    assert blobs.read(sha256) == DATA
    with blobs.as_file(sha256) as path:
        assert path.read_bytes() == DATA
        # a store that is a folder lends its own file
        assert (path.parent == spool) == (url == "memory://")
    assert list(spool.iterdir()) == []
    assert blobs.read(sha256) == DATA


def test_missing_bytes_are_data_loss(url: str, tmp_path: Path) -> None:
    blobs = StoredBlobs(open_object_store(url), spool_of(tmp_path))
    with pytest.raises(DataLossError) as caught:
        blobs.read("0" * 64)
    assert caught.value.reason == "BLOB_BYTES_MISSING"
    with pytest.raises(DataLossError) as caught, blobs.as_file("0" * 64):
        pass
    assert caught.value.reason == "BLOB_BYTES_MISSING"


def test_other_bytes_than_the_digest_says_are_data_loss(url: str, tmp_path: Path) -> None:
    store = open_object_store(url)
    blobs = StoredBlobs(store, spool_of(tmp_path))
    sha256 = blobs.write(b"right")
    store.put(blob_path(sha256), b"wrong")
    with pytest.raises(DataLossError) as caught:
        blobs.read(sha256)
    assert caught.value.reason == "BLOB_BYTES_DAMAGED"
