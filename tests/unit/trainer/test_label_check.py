import pytest

from framecast.errors import FailedPreconditionError
from framecast_trainer.dataset_facts import DatasetFacts, ItemFacts, LabelFacts, Subset
from framecast_trainer.label_check import check_labels, check_subsets
from framecast_trainer.library import LIBRARY
from tests.support.memory_registry import BOX, LABEL, SHAPE, items

DATASET = DatasetFacts("projects/p/datasets/d/versions/1", "digest", 1, {Subset.TRAIN: 2, Subset.VALIDATION: 2})


@pytest.mark.parametrize("missing", [Subset.TRAIN, Subset.VALIDATION])
def test_an_empty_subset_is_refused_with_the_way_to_fill_it(missing: Subset) -> None:
    counts = {subset: 2 for subset in (Subset.TRAIN, Subset.VALIDATION) if subset is not missing}
    with pytest.raises(FailedPreconditionError, match=f"no {missing.value} items; create a new version") as caught:
        check_subsets(DatasetFacts("d", "digest", 1, counts))
    assert caught.value.metadata["subset"] == missing.value


@pytest.mark.parametrize(
    ("architecture", "label"), [("resnet18", LABEL), ("yolov5n", BOX), ("faster_rcnn", SHAPE), ("mask_rcnn", SHAPE)]
)
def test_suitable_labels_pass(architecture: str, label: LabelFacts) -> None:
    check_labels(DATASET, LIBRARY[architecture], items(label))


@pytest.mark.parametrize(
    ("architecture", "label", "wanted"),
    [("resnet18", BOX, "exactly one label"), ("yolov5n", LABEL, "a box"), ("mask_rcnn", BOX, "a polygon or mask")],
)
def test_missing_kinds_of_labels_are_named_with_the_first_item(
    architecture: str, label: LabelFacts, wanted: str
) -> None:
    with pytest.raises(FailedPreconditionError, match=wanted) as caught:
        check_labels(DATASET, LIBRARY[architecture], items(label))
    assert caught.value.reason == "ANNOTATIONS_MISSING"
    assert caught.value.metadata["item"] == "train0.jpg"
    assert caught.value.metadata["count"] == "4"


def test_two_labels_on_a_picture_are_one_too_many_for_a_classifier() -> None:
    twice = ItemFacts("twice.jpg", Subset.TRAIN, (LABEL, LABEL))
    with pytest.raises(FailedPreconditionError, match=r"'twice.jpg', which has 2"):
        check_labels(DATASET, LIBRARY["resnet18"], [*items(LABEL), twice])


def test_pictures_with_nothing_on_them_teach_detectors_too() -> None:
    check_labels(DATASET, LIBRARY["yolov5n"], [*items(BOX), ItemFacts("empty.jpg", Subset.TRAIN, ())])


def test_crowds_need_no_mask_but_are_not_enough() -> None:
    crowd = LabelFacts(has_box=True, has_mask=False, crowd=True)
    check_labels(DATASET, LIBRARY["mask_rcnn"], [*items(SHAPE), ItemFacts("crowd.jpg", Subset.TRAIN, (crowd,))])
    with pytest.raises(FailedPreconditionError, match="no train item"):
        check_labels(DATASET, LIBRARY["yolov5n"], items(crowd))


def test_test_items_are_left_alone() -> None:
    check_labels(DATASET, LIBRARY["yolov5n"], [*items(BOX), ItemFacts("t.jpg", Subset.TEST, (LABEL,))])
