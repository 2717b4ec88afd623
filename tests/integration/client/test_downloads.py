"""Bytes and bundles from a real registry."""

import hashlib
import os
from pathlib import Path

import pytest

from framecast import Client, DataLossError, NotFoundError
from framecast._blobs import Blobs
from framecast.names import BLOB


@pytest.fixture
def blobs(client: Client) -> Blobs:
    return client.models._blobs


def stored(client: Client, folder: Path, size: int) -> tuple[bytes, str]:
    data = os.urandom(size)
    (folder / "sent").write_bytes(data)
    return data, BLOB.parse(client.models.upload_weights(folder / "sent"))["sha256"]


@pytest.mark.parametrize("size", [0, 1, 3_000_001])
def test_bytes_come_back_whole(client: Client, blobs: Blobs, tmp_path: Path, size: int) -> None:
    data, sha256 = stored(client, tmp_path, size)
    counted: list[int] = []
    blobs.download(sha256, tmp_path / "got", on_bytes=counted.append)
    assert (tmp_path / "got").read_bytes() == data
    assert sum(counted) == size
    assert sorted(path.name for path in tmp_path.iterdir()) == ["got", "sent"]


def test_a_download_goes_on_where_an_earlier_one_stopped(client: Client, blobs: Blobs, tmp_path: Path) -> None:
    data, sha256 = stored(client, tmp_path, 2_500_000)
    (tmp_path / f"got.{sha256[:12]}.part").write_bytes(data[:2_000_000])
    counted: list[int] = []
    blobs.download(sha256, tmp_path / "got", on_bytes=counted.append)
    assert counted[0] == 2_000_000
    assert sum(counted) == len(data)
    assert (tmp_path / "got").read_bytes() == data


def test_damaged_bytes_are_refused_and_removed(client: Client, blobs: Blobs, tmp_path: Path) -> None:
    data, sha256 = stored(client, tmp_path, 1000)
    (tmp_path / f"got.{sha256[:12]}.part").write_bytes(bytes(500))
    with pytest.raises(DataLossError):
        blobs.download(sha256, tmp_path / "got")
    assert [path.name for path in tmp_path.iterdir()] == ["sent"]
    blobs.download(sha256, tmp_path / "got")
    assert (tmp_path / "got").read_bytes() == data


def test_an_unknown_blob_leaves_nothing(blobs: Blobs, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        blobs.download(hashlib.sha256(b"never sent").hexdigest(), tmp_path / "got")
    assert not list(tmp_path.iterdir())
