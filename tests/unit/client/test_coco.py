"""COCO files: what they may say, and what becomes of those that say it wrongly."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from framecast import FramecastError, Subset, Visibility
from framecast.importers.coco import CocoSource, read_coco
from framecast.importers.coco_shape import read_shape
from framecast.importers.labelled_set import LabelledSet


def document(**changes: Any) -> dict[str, Any]:
    return {
        "images": [{"id": 7, "file_name": "a.png", "width": 40, "height": 30}],
        "categories": [{"id": 3, "name": "cat", "supercategory": "animal"}, {"id": 90, "name": "dog"}],
        "annotations": [{"id": 11, "image_id": 7, "category_id": 90, "bbox": [1, 2, 10, 12]}],
        **changes,
    }


def annotation(**changes: Any) -> dict[str, Any]:
    return {"id": 11, "image_id": 7, "category_id": 90, "bbox": [1, 2, 10, 12], **changes}


@pytest.fixture
def read(tmp_path: Path):
    Image.new("RGB", (40, 30)).save(tmp_path / "a.png")

    def read(content: dict[str, Any] | str) -> LabelledSet:
        path = tmp_path / "instances.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return read_coco({Subset.TRAIN: [CocoSource(path, (tmp_path,))]})

    return read


def test_boxes_categories_and_ids_are_kept(read) -> None:
    labelled = read(document())
    assert [(c.id, c.name, c.supercategory) for c in labelled.categories] == [(3, "cat", "animal"), (90, "dog", "")]
    (picture,) = labelled.pictures
    assert (picture.file_name, picture.source_id, picture.size, picture.subset) == ("a.png", 7, (40, 30), Subset.TRAIN)
    (found,) = picture.annotations
    assert (found.category_id, found.box, found.source_id, found.crowd) == (90, (1, 2, 11, 14), 11, False)


def test_a_picture_without_annotations_is_kept(read) -> None:
    (picture,) = read(document(annotations=[])).pictures
    assert picture.annotations == ()


def test_a_box_over_the_edge_is_cut_and_counted(read) -> None:
    labelled = read(document(annotations=[annotation(bbox=[-5, 20, 60, 20])]))
    assert labelled.pictures[0].annotations[0].box == (0, 20, 40, 30)
    assert labelled.clipped_boxes == 1
    assert labelled.warnings


def test_rounding_over_the_edge_is_not_worth_a_warning(read) -> None:
    labelled = read(document(annotations=[annotation(bbox=[0, 0, 40.001, 30])]))
    assert labelled.clipped_boxes == 0
    assert labelled.pictures[0].annotations[0].box == (0, 0, 40, 30)


def test_polygons_of_several_parts_keep_their_parts(read) -> None:
    parts = [[1, 1, 9, 1, 9, 9, 1, 9], [20, 5, 30, 5, 25, 15]]
    (found,) = read(document(annotations=[annotation(segmentation=parts)])).pictures[0].annotations
    assert [len(polygon.exterior) for polygon in found.polygons] == [4, 3]
    assert all(not polygon.holes for polygon in found.polygons)


def test_a_polygon_over_the_edge_is_cut_at_the_edge() -> None:
    shape = read_shape([[-10, 10, 20, 10, 20, 20, -10, 20]], (40, 30))
    points = {tuple(point) for point in shape.polygons[0].exterior.tolist()}
    assert points == {(0, 10), (20, 10), (20, 20), (0, 20)}


def test_run_length_masks_are_read_in_both_forms(read) -> None:
    mask = pytest.importorskip("pycocotools.mask")
    pixels = np.zeros((30, 40), np.uint8)
    pixels[5:12, 8:31] = 1
    pixels[7:9, 10:12] = 0
    compressed = mask.encode(np.asfortranarray(pixels))
    text = {"size": compressed["size"], "counts": compressed["counts"].decode()}
    (found,) = read(document(annotations=[annotation(segmentation=text)])).pictures[0].annotations
    assert found.mask is not None
    np.testing.assert_array_equal(found.mask.to_array(), pixels.astype(bool))
    plain = {"size": [30, 40], "counts": list(found.mask.counts)}
    (again,) = read(document(annotations=[annotation(segmentation=plain, iscrowd=1)])).pictures[0].annotations
    assert again.mask == found.mask
    assert again.crowd


def test_a_box_is_taken_from_the_shape_where_there_is_none(read) -> None:
    shape = [[4, 5, 14, 5, 14, 25, 4, 25]]
    (found,) = read(document(annotations=[annotation(bbox=None, segmentation=shape)])).pictures[0].annotations
    assert found.box == (4, 5, 14, 25)


def test_keypoints_are_kept(read) -> None:
    categories = [{"id": 90, "name": "person", "keypoints": ["nose", "eye"]}]
    entry = annotation(keypoints=[3, 4, 2, 0, 0, 0])
    (found,) = read(document(categories=categories, annotations=[entry])).pictures[0].annotations
    assert [(p.x, p.y, p.visibility) for p in found.keypoints] == [
        (3, 4, Visibility.VISIBLE),
        (0, 0, Visibility.NOT_LABELLED),
    ]


IMAGE = {"id": 7, "file_name": "a.png", "width": 40, "height": 30}
REFUSED = {
    "COCO_JSON_INVALID": '{"images": [',
    "COCO_LAYOUT_INVALID": "[]",
    "COCO_CATEGORY_UNKNOWN": document(annotations=[annotation(category_id=4)]),
    "COCO_IMAGE_UNKNOWN": document(annotations=[annotation(image_id=8)]),
    "COCO_ANNOTATION_DUPLICATE": document(annotations=[annotation(), annotation()]),
    "COCO_IMAGE_DUPLICATE": document(images=[IMAGE, IMAGE]),
    "COCO_CATEGORY_DUPLICATE": document(categories=[{"id": 90, "name": "a"}, {"id": 90, "name": "b"}]),
    "COCO_CATEGORY_INVALID": document(categories=[{"id": 90}]),
    "COCO_ID_INVALID": document(annotations=[annotation(id="x")]),
    "COCO_BOX_OUTSIDE": document(annotations=[annotation(bbox=[50, 2, 3, 4])]),
    "COCO_BOX_EMPTY": document(annotations=[annotation(bbox=[1, 2, 0, 4])]),
    "COCO_BOX_INVALID": document(annotations=[annotation(bbox=[1, 2, 3])]),
    "COCO_BOX_MISSING": document(annotations=[annotation(bbox=[])]),
    "COCO_POLYGON_INVALID": document(annotations=[annotation(segmentation=[[1, 2, 3, 4]])]),
    "COCO_MASK_SIZE_MISMATCH": document(annotations=[annotation(segmentation={"size": [40, 30], "counts": [1200]})]),
    "COCO_MASK_INVALID": document(annotations=[annotation(segmentation={"size": [30, 40], "counts": [1199]})]),
    "COCO_KEYPOINTS_INVALID": document(annotations=[annotation(keypoints=[1, 2, 7])]),
    "COCO_FILE_NAME_OUTSIDE": document(images=[{**IMAGE, "file_name": "../a.png"}]),
    "IMAGE_FILE_MISSING": document(images=[{**IMAGE, "file_name": "b.png"}]),
}


@pytest.mark.parametrize("reason", REFUSED)
def test_what_is_wrong_is_refused_with_a_reason_and_the_file(read, reason: str, tmp_path: Path) -> None:
    with pytest.raises(FramecastError) as caught:
        read(REFUSED[reason])
    assert caught.value.reason == reason
    assert "instances.json" in caught.value.message
    assert caught.value.metadata["file"] == str(tmp_path / "instances.json")


def test_errors_name_the_annotation(read) -> None:
    with pytest.raises(FramecastError, match="annotation 11") as caught:
        read(REFUSED["COCO_CATEGORY_UNKNOWN"])
    assert caught.value.metadata["annotation_id"] == "11"


def test_not_a_number_is_refused(read) -> None:
    with pytest.raises(FramecastError) as caught:
        read(json.dumps(document(annotations=[annotation(bbox=[float("nan"), 0, 1, 1])])))
    assert caught.value.reason == "COCO_JSON_INVALID"


def test_files_whose_categories_disagree_are_refused(tmp_path: Path) -> None:
    Image.new("RGB", (40, 30)).save(tmp_path / "a.png")
    (tmp_path / "one.json").write_text(json.dumps(document()))
    (tmp_path / "two.json").write_text(
        json.dumps(document(categories=[{"id": 90, "name": "horse"}], annotations=[annotation()]))
    )
    names = {Subset.TRAIN: "one.json", Subset.VALIDATION: "two.json"}
    files = {subset: [CocoSource(tmp_path / name, (tmp_path,))] for subset, name in names.items()}
    with pytest.raises(FramecastError) as caught:
        read_coco(files)
    assert caught.value.reason == "COCO_CATEGORY_CONFLICT"
