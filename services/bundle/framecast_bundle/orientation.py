"""Turns stored pixels upright: EXIF orientations and the display matrices of videos."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]

# EXIF tag 0x0112 → (transpose, flip x, flip y), flips counted after the transposition.
_EXIF = {
    2: (False, True, False),
    3: (False, True, True),
    4: (False, False, True),
    5: (True, False, False),
    6: (True, True, False),
    7: (True, True, True),
    8: (True, False, True),
}


@dataclass(frozen=True)
class Orientation:
    """One of the eight ways to hold a picture: first exchange the axes, then mirror."""

    transpose: bool = False
    flip_x: bool = False
    flip_y: bool = False

    @classmethod
    def from_exif(cls, tag: object) -> Self:
        """By the value of EXIF's Orientation tag; 1, absent and nonsense mean upright."""
        return cls(*_EXIF.get(tag, (False, False, False))) if isinstance(tag, int) else cls()

    @classmethod
    def from_display_matrix(cls, matrix: bytes) -> Self:
        """By a container's display matrix: nine native int32, row by row, as libavutil hands them out.

        Angles between the quarter turns go to the nearest; a matrix that is too short means upright.
        """
        if len(matrix) < 36:
            return cls()
        a, b, _, c, d = np.frombuffer(matrix, dtype=np.int32)[:5].tolist()
        # x' = a x + c y, y' = b x + d y, with y pointing down.
        if abs(a) + abs(d) >= abs(b) + abs(c):
            return cls(False, a < 0, d < 0)
        return cls(True, c < 0, b < 0)

    @property
    def exif(self) -> int:
        """The value of EXIF's Orientation tag, 1 to 8."""
        turned = (self.transpose, self.flip_x, self.flip_y)
        return next((tag for tag, other in _EXIF.items() if other == turned), 1)

    def apply(self, image: Image) -> Image:
        """The upright picture, C-contiguous; the same array where nothing is to be done."""
        if self.transpose:
            image = image.swapaxes(0, 1)
        if self.flip_x:
            image = image[:, ::-1]
        if self.flip_y:
            image = image[::-1]
        return np.ascontiguousarray(image)

    def size(self, width: int, height: int) -> tuple[int, int]:
        """Width and height of the upright picture."""
        return (height, width) if self.transpose else (width, height)
