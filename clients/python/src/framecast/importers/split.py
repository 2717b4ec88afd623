"""A validation subset for data that brings none."""

import dataclasses
import random

from framecast._dataset_types import Subset
from framecast.errors import InvalidArgumentError
from framecast.importers.labelled_set import LabelledPicture, LabelledSet


def hold_out(labelled: LabelledSet, *, fraction: float, seed: int = 0) -> LabelledSet:
    """Moves a share of the training pictures to the validation subset; equal seeds choose equally.

    Pictures with one label for the whole picture are drawn class by class, so that each class keeps its share.
    Raises InvalidArgumentError unless 0 < fraction < 1, where there is a validation subset already, and where
    fewer than two pictures are there to divide.
    """
    if not 0 < fraction < 1:
        raise InvalidArgumentError(
            f"validation_fraction must be between 0 and 1, got {fraction}",
            field="validation_fraction",
            reason="VALIDATION_FRACTION_INVALID",
        )
    sizes = labelled.subset_sizes()
    if sizes[Subset.VALIDATION]:
        raise InvalidArgumentError(
            "the data brings a validation subset: leave validation_fraction out",
            field="validation_fraction",
            reason="VALIDATION_SUBSET_PRESENT",
        )
    if sizes[Subset.TRAIN] < 2:
        raise InvalidArgumentError(
            f"{sizes[Subset.TRAIN]} training picture cannot be divided into training and validation",
            field="validation_fraction",
            reason="TOO_FEW_PICTURES",
        )
    groups: dict[int | None, list[int]] = {}
    for index, picture in enumerate(labelled.pictures):
        if picture.subset is Subset.TRAIN:
            groups.setdefault(_class_of(picture), []).append(index)
    chosen: set[int] = set()
    generator = random.Random(seed)  # noqa: S311  # a fair draw, not a secret
    for group in groups.values():
        chosen |= set(generator.sample(group, min(round(len(group) * fraction), len(group) - 1)))
    if not chosen:  # classes too small to give up a share each
        chosen = {max(groups.values(), key=len)[0]}
    pictures = tuple(
        dataclasses.replace(picture, subset=Subset.VALIDATION) if index in chosen else picture
        for index, picture in enumerate(labelled.pictures)
    )
    return dataclasses.replace(labelled, pictures=pictures)


def _class_of(picture: LabelledPicture) -> int | None:
    whole = [annotation.category_id for annotation in picture.annotations if annotation.box is None]
    return whole[0] if len(whole) == 1 else None
