"""Which feature level each region of interest is pooled from."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from framecast.v1.model_bundle_pb2 import ModelBundle

FloatArray = npt.NDArray[np.float32]
LongArray = npt.NDArray[np.int64]


def roi_levels(boxes: FloatArray, head: ModelBundle.RcnnHead) -> LongArray:
    """Pooled level of boxes float32 [N, 4], int64 [N] counted from the finest.

    floor(canonical_level + log2(sqrt(area) / canonical_scale)), clamped to the levels that are pooled. Source: Lin et
    al., Feature Pyramid Networks (2017), equation 1, with the 1e-6 that torchvision's LevelMapper adds.
    """
    if head.pooled_levels == 1:
        return np.zeros(len(boxes), dtype=np.int64)
    sides = np.sqrt((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]))
    with np.errstate(divide="ignore"):
        levels = np.floor(
            np.float32(head.canonical_level) + np.log2(sides / np.float32(head.canonical_scale)) + np.float32(1e-6)
        )
    return np.asarray(np.clip(levels - head.finest_level, 0, head.pooled_levels - 1), dtype=np.int64)


def roi_inputs(boxes: FloatArray, head: ModelBundle.RcnnHead) -> tuple[Mapping[str, FloatArray], LongArray]:
    """The inputs `rois_i` float32 [R_i, 5] (batch index 0, box) of one picture's boxes, level by level.

    The second value is the way back: row r of the graph's output, of all levels one after the other, belongs to box
    `order[r]`.
    """
    levels = roi_levels(boxes, head)
    order = np.argsort(levels, kind="stable")
    rois = np.zeros((len(boxes), 5), dtype=np.float32)
    rois[:, 1:] = boxes[order]
    bounds = np.searchsorted(levels[order], np.arange(head.pooled_levels + 1))
    inputs = {f"rois_{level}": rois[bounds[level] : bounds[level + 1]] for level in range(head.pooled_levels)}
    return inputs, order
