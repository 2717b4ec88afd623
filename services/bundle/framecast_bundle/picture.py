"""What a model looks at: decoded pixels, or a video frame still in the planes of its decoder."""

from typing import Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

import framecast_core

Image: TypeAlias = npt.NDArray[np.uint8]
"""Upright RGB uint8 [H, W, 3]."""


class DecodedFrame(Protocol):
    """A frame that becomes RGB only on its way into a tensor, or where a rule asks for it."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height and width of the upright picture, and 3."""

    def planes(self) -> framecast_core.Yuv420Image | None:
        """The stored planes, not turned; None where they are of a kind that the core does not read."""

    @property
    def exif_orientation(self) -> int:
        """How the planes are held: EXIF's 1 to 8."""

    def rgb(self) -> Image:
        """The upright picture."""


Picture: TypeAlias = Image | DecodedFrame


def rgb_of(picture: Picture) -> Image:
    """The upright picture in RGB."""
    return picture if isinstance(picture, np.ndarray) else picture.rgb()


def source_of(picture: Picture) -> tuple[Image | framecast_core.Yuv420Image, int]:
    """What the core prepares a tensor from, and how it is held (EXIF's 1 to 8)."""
    if isinstance(picture, np.ndarray):
        # The core takes rows at any distance, as decoders and crops leave them, but the pixels of a row side by side.
        return (picture if picture.strides[1:] == (3, 1) else np.ascontiguousarray(picture)), 1
    planes = picture.planes()
    return (picture.rgb(), 1) if planes is None else (planes, picture.exif_orientation)
