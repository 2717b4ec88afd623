"""Bytes to a real registry."""

import hashlib
import os
from pathlib import Path

import pytest
from PIL import Image

from framecast import Client, InvalidArgumentError, NotFoundError, Progress
from framecast._blobs import PUT_LIMIT_BYTES
from tests.support.breaking_proxy import breaking_proxy


@pytest.mark.parametrize("size", [0, 1, PUT_LIMIT_BYTES, PUT_LIMIT_BYTES + 1])
def test_files_of_any_size_arrive(client: Client, tmp_path: Path, size: int) -> None:
    data = os.urandom(size)
    (tmp_path / "weights.pt").write_bytes(data)
    name = client.models.upload_weights(tmp_path / "weights.pt")
    assert name == f"projects/default/blobs/{hashlib.sha256(data).hexdigest()}"


def test_an_upload_goes_on_where_its_connection_broke(services, tmp_path: Path) -> None:
    data = os.urandom(20 * 1024 * 1024)
    (tmp_path / "weights.pt").write_bytes(data)
    seen: list[Progress] = []
    with (
        breaking_proxy(services.registry.address, breaks=2, after_bytes=9 * 1024 * 1024) as proxy,
        Client(proxy.address) as client,
    ):
        name = client.models.upload_weights(tmp_path / "weights.pt", progress=seen.append)
    assert name.endswith(hashlib.sha256(data).hexdigest())
    assert proxy.broken == 2
    assert proxy.forwarded_bytes < 2 * len(data)
    assert seen[-1].done == seen[-1].total == len(data)
    assert [p.done for p in seen] == sorted(p.done for p in seen)


def test_known_bytes_are_not_sent_again(client: Client, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.effect_noise((64, 64), 90).save(path)
    seen: list[Progress] = []
    first = client.assets.upload(path, progress=seen.append)
    assert sum(p.phase == "uploading" for p in seen) == 1
    again = client.assets.upload(path, progress=seen.append)
    assert sum(p.phase == "uploading" for p in seen) == 1
    assert again == first
    assert (first.width, first.height, first.media_type, first.display_name) == (64, 64, "image/png", "a.png")
    assert client.assets.get(first.sha256) == first


def test_what_is_no_picture_is_refused_as_an_asset(client: Client, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_text("no picture")
    with pytest.raises(InvalidArgumentError) as caught:
        client.assets.upload(tmp_path / "a.png")
    assert caught.value.reason == "MEDIA_TYPE_UNSUPPORTED"


def test_a_missing_file_is_named(client: Client, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"none\.png"):
        client.assets.upload(tmp_path / "none.png")
