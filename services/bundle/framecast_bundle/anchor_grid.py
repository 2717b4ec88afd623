"""Anchors of a region proposal network over the grids of its levels."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]
Size = tuple[int, int]


def anchor_grid(base_anchors: Sequence[FloatArray], grid_sizes: Sequence[Size], tensor_size: Size) -> FloatArray:
    """Shifts each level's base anchors [A, 4] over its grid: float32 [N, 4], by level, y, x, anchor.

    Sizes are (height, width). As torchvision's AnchorGenerator: the stride is tensor side // grid side on each axis,
    so that a 480 px side with 8 cells steps by 60, whatever the level's nominal stride.
    """
    levels = []
    for base, (rows, columns) in zip(base_anchors, grid_sizes, strict=True):
        y = np.arange(rows, dtype=np.float32) * np.float32(tensor_size[0] // rows)
        x = np.arange(columns, dtype=np.float32) * np.float32(tensor_size[1] // columns)
        grid_y, grid_x = np.meshgrid(y, x, indexing="ij")
        shifts = np.stack([grid_x, grid_y, grid_x, grid_y], axis=-1).reshape(-1, 1, 4)
        levels.append((shifts + base[None]).reshape(-1, 4))
    return np.ascontiguousarray(np.concatenate(levels), dtype=np.float32)
