"""Parts of a picture that are looked at on their own."""

import math
from dataclasses import dataclass

import numpy as np

from framecast.errors import InvalidArgumentError
from framecast_bundle.picture import Image

Box = tuple[float, float, float, float]
"""x_min, y_min, x_max, y_max in pixels; the maxima are exclusive."""


@dataclass(frozen=True)
class PatchRule:
    """How boxes become patches; as FiftyOne's `alpha` and `force_square`."""

    margin: float = 0.0
    """Share of its sides by which a box grows, half of it at each end; at least -1."""
    square: bool = False
    """The shorter side then grows to the longer one, as far as the picture goes; beyond that the longer one shrinks."""

    def __post_init__(self) -> None:
        if not math.isfinite(self.margin) or self.margin < -1:
            raise InvalidArgumentError(
                f"patch_margin is {self.margin:g}; it must be at least -1",
                reason="SETTING_OUT_OF_RANGE",
                field="patch_margin",
                value=self.margin,
            )


def crop(image: Image, box: Box, rule: PatchRule) -> Image:
    """The pixels of a box, as a view: corners rounded down, at least a pixel wide and high, cut at the border.

    Raises InvalidArgumentError (`PATCH_EMPTY`) for a box without area or outside of the picture.
    """
    x_min, y_min, x_max, y_max = box
    height, width = image.shape[:2]
    if not all(map(math.isfinite, box)) or not (x_max > x_min and y_max > y_min):
        raise _empty(box, "has no area")
    if x_max <= 0 or y_max <= 0 or x_min >= width or y_min >= height:
        raise _empty(box, f"lies outside of the picture of {width} x {height} pixels")
    columns = _span(x_min, x_max, width, rule.margin)
    rows = _span(y_min, y_max, height, rule.margin)
    if rule.square:
        side = min(max(columns[1] - columns[0], rows[1] - rows[0]), width, height)
        columns, rows = _resized(columns, side, width), _resized(rows, side, height)
    return np.asarray(image[rows[0] : rows[1], columns[0] : columns[1]])


def _span(low: float, high: float, length: int, margin: float) -> tuple[int, int]:
    grown = (high - low) * margin / 2
    start = min(max(math.floor(low - grown), 0), length - 1)
    return start, min(max(math.floor(high + grown), start + 1), length)


def _resized(span: tuple[int, int], side: int, length: int) -> tuple[int, int]:
    start = min(max((span[0] + span[1] - side) // 2, 0), length - side)
    return start, start + side


def _empty(box: Box, why: str) -> InvalidArgumentError:
    return InvalidArgumentError(
        f"the box {', '.join(f'{value:g}' for value in box)} {why}", reason="PATCH_EMPTY", value=list(box)
    )
