"""Whether a dataset version can teach a task: checked before a job is queued, not twenty minutes into it."""

from collections import Counter
from collections.abc import Iterable

from framecast.errors import FailedPreconditionError
from framecast_trainer.dataset_facts import DatasetFacts, ItemFacts, LabelFacts, Subset
from framecast_trainer.library import Architecture, Task

_USED = (Subset.TRAIN, Subset.VALIDATION)
_WANTED = {
    Task.CLASSIFICATION: "exactly one label for the whole picture",
    Task.OBJECT_DETECTION: "a box on every annotation",
    Task.INSTANCE_SEGMENTATION: "a polygon or mask on every annotation",
}
_INSTEAD = {
    Task.CLASSIFICATION: "label or leave out these pictures",
    Task.OBJECT_DETECTION: "add the boxes, or train a classifier such as resnet18",
    Task.INSTANCE_SEGMENTATION: "add the shapes, or train a detector such as yolov5n on the boxes",
}


def check_subsets(dataset: DatasetFacts) -> None:
    """Raises FailedPreconditionError where there is nothing to learn from or nothing to measure on."""
    for subset in _USED:
        if not dataset.item_counts.get(subset):
            raise FailedPreconditionError(
                f"{dataset.name} has no {subset.value} items; create a new version of the dataset in which some items "
                f"are of subset {subset.value.upper()} (`framecast datasets import` splits by itself where the source "
                "names no subsets)",
                reason="DATASET_SUBSET_EMPTY",
                dataset_version=dataset.name,
                subset=subset.value,
            )
    if not dataset.category_count:
        raise FailedPreconditionError(
            f"{dataset.name} has no categories, so there is nothing to tell apart; import it with its categories",
            reason="DATASET_WITHOUT_CATEGORIES",
            dataset_version=dataset.name,
        )


def check_labels(dataset: DatasetFacts, architecture: Architecture, items: Iterable[ItemFacts]) -> None:
    """Raises FailedPreconditionError saying what is missing, how often and in which item first."""
    task = architecture.task
    first: ItemFacts | None = None
    faults = 0
    usable: Counter[Subset] = Counter()
    for item in items:
        if item.subset not in _USED:
            continue
        bad = _faults(task, item)
        faults += bad
        if bad and first is None:
            first = item
        usable[item.subset] += sum(not label.crowd for label in item.labels)
    if first is not None:
        what = "pictures" if task is Task.CLASSIFICATION else "annotations"
        raise FailedPreconditionError(
            f"{architecture.id} needs {_WANTED[task]}, but {faults} {what} of {dataset.name} lack it, the first in "
            f"item {first.file_name!r}{_detail(task, first)}; {_INSTEAD[task]}",
            reason="ANNOTATIONS_MISSING",
            dataset_version=dataset.name,
            architecture=architecture.id,
            item=first.file_name,
            count=faults,
        )
    for subset in _USED:
        if not usable[subset]:
            raise FailedPreconditionError(
                f"no {subset.value} item of {dataset.name} has an annotation; annotate some and create a new version",
                reason="ANNOTATIONS_MISSING",
                dataset_version=dataset.name,
                architecture=architecture.id,
                subset=subset.value,
            )


def _faults(task: Task, item: ItemFacts) -> int:
    if task is Task.CLASSIFICATION:
        return int(len(_whole_picture(item)) != 1)
    if task is Task.INSTANCE_SEGMENTATION:
        return sum(not (label.has_mask or label.crowd) for label in item.labels)
    return sum(not (label.has_box or label.has_mask) for label in item.labels)


def _whole_picture(item: ItemFacts) -> list[LabelFacts]:
    return [label for label in item.labels if not label.has_box and not label.has_mask]


def _detail(task: Task, item: ItemFacts) -> str:
    if task is not Task.CLASSIFICATION:
        return ""
    count = len(_whole_picture(item))
    return f", which has {count if count else 'none'}"
