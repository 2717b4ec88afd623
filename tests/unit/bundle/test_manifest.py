"""`bundle.json` and the files that it pins."""

import json
from pathlib import Path

import pytest

from framecast.errors import DataLossError, InvalidArgumentError, NotFoundError
from framecast.v1.model_bundle_pb2 import ModelBundle
from framecast_bundle import manifest as bundle_manifest
from tests.unit.bundle import tiny_bundles


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for path, data in tiny_bundles.mask_rcnn().files.items():
        (tmp_path / path).write_bytes(data)
    return tmp_path


def test_what_is_written_is_read_back(folder: Path) -> None:
    manifest = tiny_bundles.mask_rcnn().manifest
    digest = bundle_manifest.write(folder, manifest)
    assert bundle_manifest.read(folder) == manifest
    assert bundle_manifest.digest((folder / "bundle.json").read_bytes()) == digest


def test_json_is_the_same_for_equal_messages_and_readable() -> None:
    manifest = tiny_bundles.yolov5().manifest
    copy = ModelBundle.FromString(manifest.SerializeToString())
    data = bundle_manifest.to_json(manifest)
    assert bundle_manifest.to_json(copy) == data
    assert data.endswith(b"}\n")
    fields = json.loads(data)
    assert list(fields) == sorted(fields)
    assert fields["input"]["pad_value"] == 114.0
    assert bundle_manifest.to_json(bundle_manifest.from_json(data)) == data


@pytest.mark.parametrize("data", [b"", b"\xff\xfe", b"[]", b"7", b'{"no_such_field": 1}', b'{"task": "DANCING"}'])
def test_refuses_what_is_not_a_manifest(data: bytes) -> None:
    with pytest.raises(InvalidArgumentError, match=r"bundle\.json|format_version"):
        bundle_manifest.from_json(data)


@pytest.mark.parametrize("depth", [500, 200_000])
@pytest.mark.parametrize("opening", [b"[", b'{"lineage":'])
def test_refuses_a_manifest_that_is_nested_too_deeply(opening: bytes, depth: int) -> None:
    with pytest.raises(InvalidArgumentError) as refused:
        bundle_manifest.from_json(opening * depth + b"1" + (b"]" if opening == b"[" else b"}") * depth)
    assert refused.value.reason == "MANIFEST_UNREADABLE"


def test_newer_layout_says_to_update() -> None:
    with pytest.raises(InvalidArgumentError, match="update") as refused:
        bundle_manifest.from_json(b'{"format_version": 2, "something_new": true}')
    assert refused.value.reason == "MANIFEST_TOO_NEW"


def test_folder_without_manifest_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        bundle_manifest.read(tmp_path)


def test_file_entries_pin_every_file_but_the_manifest(folder: Path) -> None:
    manifest = tiny_bundles.mask_rcnn().manifest
    bundle_manifest.write(folder, manifest)
    (folder / "more").mkdir()
    (folder / "more/weights.safetensors").write_bytes(b"abc")
    entries = bundle_manifest.file_entries(folder)
    assert [entry.path for entry in entries] == ["boxes.onnx", "dense.onnx", "masks.onnx", "more/weights.safetensors"]
    assert entries[3] == bundle_manifest.file_entry("more/weights.safetensors", b"abc")
    assert entries[3].sha256 == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    bundle_manifest.check_files(folder, entries)


def test_changed_and_missing_files_are_found(folder: Path) -> None:
    entries = bundle_manifest.file_entries(folder)
    data = bytearray((folder / "boxes.onnx").read_bytes())
    data[100] ^= 1
    (folder / "boxes.onnx").write_bytes(data)
    with pytest.raises(DataLossError, match=r"boxes\.onnx") as damaged:
        bundle_manifest.check_files(folder, entries)
    assert damaged.value.reason == "BUNDLE_FILE_DAMAGED"
    (folder / "boxes.onnx").unlink()
    with pytest.raises(DataLossError) as missing:
        bundle_manifest.check_files(folder, entries)
    assert missing.value.reason == "BUNDLE_FILE_MISSING"


def test_symbolic_links_are_refused(folder: Path) -> None:
    (folder / "link.onnx").symlink_to("/etc/hostname")
    with pytest.raises(InvalidArgumentError, match="symbolic link"):
        bundle_manifest.file_entries(folder)
