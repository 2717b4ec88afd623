"""Recognising how labelled data is laid out."""

import json
from pathlib import Path

import pytest
from PIL import Image

from framecast import FramecastError, InvalidArgumentError, Subset
from framecast.importers.layout import ClassFolderLayout, CocoLayout, recognise, subset_of
from framecast.importers.split import hold_out


def picture(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 8)).save(path)


def coco(path: Path, name: str = "a.png") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    images = [{"id": 1, "file_name": name, "width": 8, "height": 8}]
    path.write_text(json.dumps({"images": images, "annotations": [], "categories": [{"id": 1, "name": "x"}]}))


@pytest.mark.parametrize(
    ("name", "subset"),
    [
        ("instances_train.json", Subset.TRAIN),
        ("instances_val2017.json", Subset.VALIDATION),
        ("valid.json", Subset.VALIDATION),
        ("my-test-set.json", Subset.TEST),
        ("instances.json", None),
        ("trainers.json", None),
    ],
)
def test_file_names_speak_of_subsets(name: str, subset: Subset | None) -> None:
    assert subset_of(Path(name)) is subset


def test_exact_names_win_over_others(tmp_path: Path) -> None:
    for name in ("instances_train", "instances_train_rle", "instances_val", "instances_val4_rle_uncompressed"):
        coco(tmp_path / f"{name}.json")
    picture(tmp_path / "images/a.png")
    layout = recognise(tmp_path)
    assert isinstance(layout, CocoLayout)
    chosen = {subset: [source.path.name for source in sources] for subset, sources in layout.files.items()}
    assert chosen == {Subset.TRAIN: ["instances_train.json"], Subset.VALIDATION: ["instances_val.json"]}
    assert len(layout.read().pictures) == 2


def test_ambiguous_files_are_refused_with_the_flags_to_pass(tmp_path: Path) -> None:
    coco(tmp_path / "boxes_train.json")
    coco(tmp_path / "masks_train.json")
    with pytest.raises(InvalidArgumentError, match="--train FILE") as caught:
        recognise(tmp_path)
    assert caught.value.reason == "ANNOTATION_FILES_AMBIGUOUS"


def test_files_beside_the_pictures_of_each_subset(tmp_path: Path) -> None:
    for folder in ("train", "valid"):
        coco(tmp_path / folder / "_annotations.coco.json")
        picture(tmp_path / folder / "a.png")
    labelled = recognise(tmp_path).read()
    assert [p.path.parent.name for p in labelled.pictures] == ["train", "valid"]
    assert labelled.count(Subset.VALIDATION) == 1


def test_annotations_folder_and_pictures_by_year(tmp_path: Path) -> None:
    for subset in ("train2017", "val2017"):
        coco(tmp_path / "annotations" / f"instances_{subset}.json")
        picture(tmp_path / subset / "a.png")
    labelled = recognise(tmp_path).read()
    assert {p.path.parent.name: p.subset for p in labelled.pictures} == {
        "train2017": Subset.TRAIN,
        "val2017": Subset.VALIDATION,
    }


def test_class_folders_below_subsets(tmp_path: Path) -> None:
    for name in ("train/b/1.jpg", "train/a/2.jpg", "validation/a/3.jpg"):
        picture(tmp_path / name)
    (tmp_path / "train/a/notes.txt").write_text("no picture")
    layout = recognise(tmp_path)
    assert isinstance(layout, ClassFolderLayout)
    labelled = layout.read()
    assert [(c.id, c.name) for c in labelled.categories] == [(0, "a"), (1, "b")]
    assert [(p.file_name, p.annotations[0].category_id) for p in labelled.pictures] == [
        ("train/a/2.jpg", 0),
        ("train/b/1.jpg", 1),
        ("validation/a/3.jpg", 0),
    ]
    assert any("no picture" in warning for warning in labelled.warnings)


def test_flat_class_folders_are_divided_by_seed(tmp_path: Path) -> None:
    for name in ("a", "b"):
        for index in range(10):
            picture(tmp_path / name / f"{index}.png")
    labelled = recognise(tmp_path).read()
    first, again, other = (hold_out(labelled, fraction=0.2, seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert first != other
    held_out = [p.annotations[0].category_id for p in first.pictures if p.subset is Subset.VALIDATION]
    assert sorted(held_out) == [0, 0, 1, 1]


@pytest.mark.parametrize("fraction", [0.0, 1.0, -0.5, 2.0])
def test_a_fraction_that_is_none_is_refused(tmp_path: Path, fraction: float) -> None:
    picture(tmp_path / "a/1.png")
    with pytest.raises(InvalidArgumentError) as caught:
        hold_out(recognise(tmp_path).read(), fraction=fraction)
    assert caught.value.field == "validation_fraction"


@pytest.mark.parametrize("make", [lambda p: p.mkdir(), lambda p: picture(p / "images/a.png")])
def test_an_unknown_layout_says_what_is_expected(tmp_path: Path, make) -> None:
    make(tmp_path / "data")
    with pytest.raises(FramecastError, match=r"instances_train\.json") as caught:
        recognise(tmp_path / "data")
    assert caught.value.reason == "LAYOUT_UNKNOWN"


@pytest.mark.parametrize(
    ("folder", "train", "validation"),
    [
        ("detection/bccd", 205, 87),
        ("segmentation/fruits_nuts", 11, 3),
        ("segmentation/nuclei", 54, 18),
        ("classification/clothing", 200, 80),
        ("coco_ccby", 3, 0),
    ],
)
def test_sample_data_is_recognised(shared_data: Path, folder: str, train: int, validation: int) -> None:
    labelled = recognise(shared_data / folder).read()
    assert (labelled.count(Subset.TRAIN), labelled.count(Subset.VALIDATION)) == (train, validation)
