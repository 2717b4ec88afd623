"""Anchors over the grids of a network's levels, as torchvision lays them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]
Size = tuple[int, int]

_ALMOST_WHOLE = 1e-3
"""Strides are float32: 320 / 106.666664 cells are 3, not 4."""


@dataclass(frozen=True, eq=False)
class AnchorLevel:
    """The anchors of one level of a network."""

    base: FloatArray
    """[A, 4] in tensor pixels, of the first cell."""
    stride: float = 0.0
    """Tensor pixels per cell; a level has ceil(side / stride) cells along a side."""
    whole_steps: bool = True
    """Anchors move by tensor side // cells, whatever the stride: a 480 px side with 8 cells steps by 60."""

    def grid(self, tensor_size: Size) -> Size:
        """Rows and columns in a tensor of (height, width)."""
        rows, columns = (math.ceil(side / self.stride - _ALMOST_WHOLE) for side in tensor_size)
        return rows, columns


def anchor_grid(
    levels: Sequence[AnchorLevel], tensor_size: Size, grids: Sequence[Size] | None = None
) -> tuple[FloatArray, npt.NDArray[np.int64]]:
    """Anchors float32 [N, 4], by level, y, x, base anchor, and how many each level has, int64 [levels].

    Sizes are (height, width); `grids` are those of the network's maps where they are known.
    """
    parts = []
    for position, level in enumerate(levels):
        rows, columns = level.grid(tensor_size) if grids is None else grids[position]
        if level.whole_steps:
            step_y, step_x = np.float32(tensor_size[0] // rows), np.float32(tensor_size[1] // columns)
        else:
            step_y = step_x = np.float32(level.stride)
        y, x = np.arange(rows, dtype=np.float32) * step_y, np.arange(columns, dtype=np.float32) * step_x
        grid_y, grid_x = np.meshgrid(y, x, indexing="ij")
        shifts = np.stack([grid_x, grid_y, grid_x, grid_y], axis=-1).reshape(-1, 1, 4)
        parts.append((shifts + level.base[None]).reshape(-1, 4))
    anchors = np.ascontiguousarray(np.concatenate(parts), dtype=np.float32)
    return anchors, np.array([len(part) for part in parts], dtype=np.int64)
