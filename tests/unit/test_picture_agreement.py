"""What the importer lets through, the registry stores, the trainer learns from and inference predicts."""

import io
from collections.abc import Callable
from pathlib import Path

import pytest

from framecast.errors import DataLossError, InvalidArgumentError
from framecast.importers import picture_check
from framecast.importers.class_folders import PICTURE_SUFFIXES
from framecast_bundle import image_decoder
from framecast_registry.image_probe import probe_image
from framecast_registry.media_type import HEADER_BYTES, sniff
from framecast_registry.settings import RegistrySettings
from framecast_trainer.learning.decode import decode
from tests.support.odd_pictures import odd_pictures

REGISTRY_LIMIT = RegistrySettings(database_url="", object_store_url="").max_image_pixels

Size = tuple[int, int] | None


def by_importer(data: bytes, folder: Path) -> Size:
    path = folder / "picture"
    path.write_bytes(data)
    return picture_check._decode(path, data)


def by_registry(data: bytes, folder: Path) -> Size:
    media_type = sniff(data[:HEADER_BYTES])
    if media_type is None:
        return None
    found = probe_image(io.BytesIO(data), media_type, "picture", max_pixels=REGISTRY_LIMIT)
    return found.width, found.height


def by_trainer(data: bytes, folder: Path) -> Size:
    height, width, _ = decode(data, "picture").shape
    return width, height


def by_inference(data: bytes, folder: Path) -> Size:
    height, width, _ = image_decoder.decode_image(data, label="picture").shape
    return width, height


def verdict(of: Callable[[bytes, Path], Size], data: bytes, folder: Path) -> Size:
    """The upright size, None for a picture that is refused."""
    try:
        return of(data, folder)
    except (InvalidArgumentError, DataLossError):
        return None


def assert_agreement(name: str, data: bytes, folder: Path) -> Size:
    verdicts = {of.__name__: verdict(of, data, folder) for of in (by_importer, by_registry, by_trainer, by_inference)}
    assert len(set(verdicts.values())) == 1, (name, verdicts)
    return verdicts["by_inference"]


@pytest.mark.parametrize("name", odd_pictures())
def test_all_four_say_the_same_of_an_odd_picture(name: str, tmp_path: Path) -> None:
    size = assert_agreement(name, odd_pictures()[name], tmp_path)
    turned = name.startswith(("turned_5", "turned_6", "turned_7", "turned_8", "damaged_exif"))
    if not name.startswith(("cut", "head", "foreign", "empty", "text", "zeros")):
        assert size == ((16, 24) if turned else (24, 16))
    elif not name.startswith("cut"):
        assert size is None


def test_all_four_say_the_same_of_the_sample_pictures(shared_data: Path, tmp_path: Path) -> None:
    files = sorted((shared_data / "images_odd").iterdir())
    assert files
    for path in files:
        assert_agreement(path.name, path.read_bytes(), tmp_path)


def test_the_pixel_limit_is_one() -> None:
    assert picture_check.MAX_PIXELS == image_decoder.MAX_PIXELS == REGISTRY_LIMIT == 100_000_000


def test_folders_may_hold_every_format() -> None:
    assert {".jpg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff"} <= PICTURE_SUFFIXES
