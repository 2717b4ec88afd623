"""Pictures are looked at before anything is sent."""

import hashlib
import json
from pathlib import Path

import pytest
from PIL import Image

from framecast import InvalidArgumentError, Subset
from framecast.importers.labelled_set import LabelledPicture
from framecast.importers.picture_check import check_picture, check_pictures


def entry(path: Path, size: tuple[int, int] | None = None) -> LabelledPicture:
    return LabelledPicture(path, path.name, Subset.TRAIN, size=size)


def test_digest_and_length_are_those_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.new("RGB", (5, 4)).save(path)
    checked = check_picture(entry(path, (5, 4)))
    assert checked.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert checked.size_bytes == path.stat().st_size


def test_a_size_that_the_picture_does_not_have_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.new("RGB", (5, 4)).save(path)
    with pytest.raises(InvalidArgumentError, match="5 x 4") as caught:
        check_picture(entry(path, (4, 5)))
    assert caught.value.reason == "IMAGE_SIZE_MISMATCH"


def test_sizes_count_upright(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (8, 4)).save(path, exif=exif)
    check_picture(entry(path, (4, 8)))


def test_the_first_bad_picture_ends_the_check(tmp_path: Path) -> None:
    paths = [tmp_path / f"{index}.png" for index in range(20)]
    for path in paths:
        Image.new("RGB", (4, 4)).save(path)
    paths[3].write_bytes(paths[3].read_bytes()[:40])
    paths[9].write_bytes(b"")
    with pytest.raises(InvalidArgumentError) as caught:
        check_pictures([entry(path) for path in paths])
    assert caught.value.metadata["file"] == str(paths[3])


def test_odd_pictures_fare_as_their_manifest_says(shared_data: Path) -> None:
    manifest = json.loads((shared_data / "images_odd.json").read_text())["images"]
    reasons = {
        "reject_too_large": {"IMAGE_TOO_LARGE"},
        "truncated": {"IMAGE_TRUNCATED"},
        "not_image": {"IMAGE_UNREADABLE", "MEDIA_TYPE_UNSUPPORTED"},
    }
    for row in manifest:
        path = shared_data / row["file"]
        if row["expect"] in ("ok", "ok_or_rejected"):
            width, height = row["display_size"]
            check_picture(entry(path, (width, height)))
            continue
        with pytest.raises(InvalidArgumentError, match=path.name) as caught:
            check_picture(entry(path))
        assert caught.value.reason in reasons[row["expect"]], row["file"]


def test_the_same_picture_twice_is_refused_by_both_names(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        Image.new("RGB", (5, 4)).save(tmp_path / name)
    twin = LabelledPicture(tmp_path / "b.png", "b.png", Subset.VALIDATION)
    with pytest.raises(InvalidArgumentError, match=r"a\.png \(train\) and .*b\.png \(validation\)") as caught:
        check_pictures([entry(tmp_path / "a.png"), twin, twin])
    assert caught.value.reason == "IMAGE_DUPLICATE"
    assert caught.value.metadata["duplicates"] == "2"
