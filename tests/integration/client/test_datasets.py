"""Imports into a real registry."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from framecast import Client, FramecastError, InvalidArgumentError, NotFoundError, Progress, Subset


def state(client: Client) -> tuple[list[str], list[str]]:
    return sorted(asset.name for asset in client.assets.list()), sorted(d.name for d in client.datasets.list())


def test_an_import_comes_back_as_it_was(client: Client, shapes: Path) -> None:
    seen: list[Progress] = []
    report = client.datasets.import_(shapes, name="round-trip", progress=seen.append)
    assert [(s.subset, s.item_count) for s in report.version.subsets] == [(Subset.TRAIN, 6), (Subset.VALIDATION, 2)]
    assert [c.name for c in report.version.categories] == ["circle", "square", "triangle"]
    assert {p.phase for p in seen} == {"checking", "uploading", "registering"}
    document = json.loads((shapes / "instances_train.json").read_text())
    items = list(client.datasets.items("round-trip", subset=Subset.TRAIN))
    assert [item.file_name for item in items] == [image["file_name"] for image in document["images"]]
    expected = document["annotations"][0]
    found = items[0].annotations[0]
    assert (found.category_id, found.source_id) == (expected["category_id"], expected["id"])
    assert found.box is not None
    np.testing.assert_allclose(np.subtract(found.box[2:], found.box[:2]), expected["bbox"][2:], atol=1e-3)
    np.testing.assert_allclose(found.polygons[0].exterior.ravel(), expected["segmentation"][0], atol=1e-3)
    assert found.area == expected["area"]


def test_the_same_data_makes_a_second_version_with_the_same_digest(client: Client, shapes: Path) -> None:
    first = client.datasets.import_(shapes, name="twice").version
    second = client.datasets.import_(shapes, name="twice").version
    assert (first.name[-1], second.name[-1]) == ("1", "2")
    assert first.digest == second.digest
    assert [v.name for v in client.datasets.versions("twice")] == [second.name, first.name]
    assert client.datasets.get_version("twice") == second
    assert client.datasets.get_version("twice/1") == first


@pytest.mark.parametrize(
    "break_it",
    [
        lambda folder: (folder / "images/val_0001.png").write_bytes(b"\x89PNG cut"),
        lambda folder: (folder / "images/val_0001.png").unlink(),
        lambda folder: (folder / "instances_val.json").write_text("{"),
    ],
    ids=["damaged picture", "missing picture", "damaged file"],
)
def test_a_bad_file_leaves_nothing_behind(client: Client, shapes: Path, tmp_path: Path, break_it) -> None:
    folder = tmp_path / "broken"
    shutil.copytree(shapes, folder)
    for index, path in enumerate((folder / "images").iterdir()):  # bytes that the registry does not know
        path.write_bytes(path.read_bytes() + bytes([index]))
    break_it(folder)
    before = state(client)
    with pytest.raises(FramecastError, match="val"):
        client.datasets.import_(folder)
    assert state(client) == before


def test_files_can_be_named_and_divided(client: Client, shapes: Path) -> None:
    report = client.datasets.import_coco(
        "divided", train=shapes / "instances_train.json", validation_fraction=0.34, seed=5
    )
    assert {s.subset: s.item_count for s in report.version.subsets} == {Subset.TRAIN: 4, Subset.VALIDATION: 2}


def test_data_without_validation_is_imported_with_a_warning(client: Client, shapes: Path) -> None:
    report = client.datasets.import_coco("unvalidated", train=shapes / "instances_train.json")
    assert any("validation" in warning for warning in report.warnings)


def test_lists_page_by_themselves(client: Client, shapes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    client.datasets.import_(shapes, name="paged")
    whole = [item.file_name for item in client.datasets.items("paged")]
    monkeypatch.setattr("framecast._connection.PAGE_SIZE", 3)
    assert [item.file_name for item in client.datasets.items("paged")] == whole
    assert len(whole) == 8


def test_deleting_a_dataset_keeps_its_pictures(client: Client, shapes: Path) -> None:
    client.datasets.import_(shapes, name="short-lived")
    pictures = state(client)[0]
    client.datasets.delete("short-lived")
    with pytest.raises(NotFoundError) as caught:
        client.datasets.get("short-lived")
    assert caught.value.reason == "DATASET_NOT_FOUND"
    assert state(client)[0] == pictures


def test_an_id_that_is_none_is_refused_before_anything_is_read(client: Client) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        client.datasets.delete("No Such")
    assert caught.value.field == "dataset"


def test_sample_data_with_run_length_masks(client: Client, shared_data: Path) -> None:
    nuclei = shared_data / "segmentation/nuclei"
    plain = client.datasets.import_coco(
        "nuclei-plain", validation=nuclei / "instances_val4_rle_uncompressed.json", images=nuclei / "images"
    )
    assert plain.version.item_count == 4
    for item in client.datasets.items("nuclei-plain"):
        for annotation in item.annotations:
            assert annotation.mask is not None
            assert annotation.mask.to_array().any()
