"""The sample set of malformed COCO files, against all services: each fares as its manifest says."""

import json
from pathlib import Path

import pytest

from framecast import Client, FramecastError
from tests.support.running_stack import RunningStack

REASONS = {
    "duplicate_annotation_id": "COCO_ANNOTATION_DUPLICATE",
    "unknown_category": "COCO_CATEGORY_UNKNOWN",
    "unknown_image": "COCO_IMAGE_UNKNOWN",
    "missing_image_file": "IMAGE_FILE_MISSING",
    "truncated_json": "COCO_JSON_INVALID",
}
PASSES = {"ok_baseline": 0, "sparse_category_ids": 0, "box_outside_image": 1}
"""Files that are imported, with the number of boxes that are cut at the edge."""


def state(client: Client) -> tuple[list[str], list[str]]:
    return sorted(asset.name for asset in client.assets.list()), sorted(d.name for d in client.datasets.list())


def test_each_file_fares_as_its_manifest_says(stack: RunningStack, shared_data: Path) -> None:
    folder = shared_data / "coco_malformed"
    files = [shared_data / row["file"] for row in json.loads((folder / "MANIFEST.json").read_text())["files"]]
    assert {path.stem for path in files} == REASONS.keys() | PASSES.keys()
    images = str(shared_data / "detection/bccd/images")
    with stack.client() as client:
        for path in files:
            if path.stem in PASSES:
                continue
            before = state(client)
            refused = stack.command("datasets", "import", str(path), "--images", images, "--json")
            assert refused.code == 1, path.stem
            error = json.loads(refused.err)["error"]
            assert error["reason"] == REASONS[path.stem]
            assert path.name in error["message"]
            assert state(client) == before
        for stem, cut in PASSES.items():
            name = stem.replace("_", "-")
            imported = stack.command("datasets", "import", str(folder / f"{stem}.json"), "--images", images, "--json")
            assert imported.code == 0, imported.err
            version = client.datasets.get_version(name)
            assert version.item_count == 3
            assert sum("reaches over the edge" in warning for warning in imported.json["warnings"]) == cut
        sparse = client.datasets.get_version("sparse-category-ids")
        assert [category.id for category in sparse.categories] == [42, 79, 116]


def test_odd_pictures_and_videos_do_not_harm_the_services(stack: RunningStack, shared_data: Path) -> None:
    rows = json.loads((shared_data / "images_odd.json").read_text())["images"]
    bad = [shared_data / row["file"] for row in rows if row["expect"] not in ("ok", "ok_or_rejected")]
    bad += [shared_data / "videos" / name for name in ("empty_file.mp4", "text_named.mp4", "truncated_no_moov.mp4")]
    with stack.client() as client:
        before = state(client)
        for path in bad:
            with pytest.raises(FramecastError) as caught:
                client.assets.upload(path)
            assert caught.value.reason not in ("UNKNOWN", "INTERNAL"), path
        assert state(client) == before
    assert stack.command("datasets", "list").code == 0
