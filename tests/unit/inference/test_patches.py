"""Boxes and the pixels that they become."""

import numpy as np
import pytest

from framecast.errors import InvalidArgumentError
from framecast_inference.patches import Box, PatchRule, crop

# A pixel's value is where it was: x in the first channel, y in the second.
PICTURE = np.stack([*np.meshgrid(np.arange(20), np.arange(10)), np.zeros((10, 20))], axis=-1).astype(np.uint8)


def corners(box: Box, margin: float = 0.0, *, square: bool = False) -> list[int]:
    patch = crop(PICTURE, box, PatchRule(margin=margin, square=square))
    (x_min, y_min), (x_max, y_max) = patch[0, 0, :2].tolist(), patch[-1, -1, :2].tolist()
    return [x_min, y_min, x_max + 1, y_max + 1]


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        ((2, 3, 6, 8), [2, 3, 6, 8]),
        ((2.9, 3.9, 6.9, 8.9), [2, 3, 6, 8]),
        ((2.2, 3.2, 2.8, 3.8), [2, 3, 3, 4]),
        ((-5, -5, 4, 4), [0, 0, 4, 4]),
        ((15, 5, 99, 99), [15, 5, 20, 10]),
        ((0, 0, 20, 10), [0, 0, 20, 10]),
        ((19.5, 9.5, 30, 30), [19, 9, 20, 10]),
    ],
)
def test_patch_is_the_pixels_of_its_box(box: Box, expected: list[int]) -> None:
    assert corners(box) == expected


@pytest.mark.parametrize(
    ("margin", "expected"),
    [(0.5, [7, 3, 13, 6]), (1.0, [6, 3, 14, 7]), (-0.5, [9, 4, 11, 5]), (-1.0, [10, 5, 11, 6]), (9.0, [0, 0, 20, 10])],
)
def test_margin_is_a_share_of_the_sides(margin: float, expected: list[int]) -> None:
    assert corners((8, 4, 12, 6), margin) == expected


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        ((8, 4, 12, 6), [8, 3, 12, 7]),
        ((8, 2, 10, 8), [6, 2, 12, 8]),
        ((0, 2, 2, 8), [0, 2, 6, 8]),  # Moved into the picture.
        ((18, 2, 20, 8), [14, 2, 20, 8]),
        ((0, 4, 20, 6), [5, 0, 15, 10]),  # No higher than the picture, so less wide.
    ],
)
def test_square_grows_the_shorter_side(box: Box, expected: list[int]) -> None:
    assert corners(box, square=True) == expected


@pytest.mark.parametrize(
    "box", [(5, 5, 5, 8), (5, 5, 4, 8), (5, 8, 9, 8), (20, 0, 25, 5), (-9, 0, 0, 5), (0, 10, 5, 12), (0, 0, np.nan, 5)]
)
def test_box_without_pixels_is_refused(box: Box) -> None:
    with pytest.raises(InvalidArgumentError) as refused:
        crop(PICTURE, box, PatchRule())
    assert refused.value.reason == "PATCH_EMPTY"


@pytest.mark.parametrize("margin", [-1.001, np.nan, np.inf])
def test_margin_that_is_none_is_refused(margin: float) -> None:
    with pytest.raises(InvalidArgumentError) as refused:
        PatchRule(margin=margin)
    assert refused.value.field == "patch_margin"
