"""Predictions made by hand."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from framecast import Instances, Label, Polygon, Prediction

Ring = NDArray[np.float32]


def prediction(
    width: int,
    height: int,
    *,
    boxes: Sequence[tuple[float, float, float, float]] = (),
    polygons: Sequence[tuple[Ring, Ring]] = (),
    labels: tuple[Label, ...] = (),
) -> Prediction:
    """Instances of category 1: one for each box, or one for each polygon with its hole."""
    shapes = [(Polygon(outline, (hole,)),) for outline, hole in polygons]
    boxes = boxes or [(*outline.min(axis=0).tolist(), *outline.max(axis=0).tolist()) for outline, _ in polygons]
    count = len(boxes)
    instances = Instances(
        boxes=np.array(boxes, np.float32).reshape(-1, 4),
        scores=np.linspace(0.9, 0.5, count, dtype=np.float32),
        category_ids=np.ones(count, np.int32),
        names=("thing",) * count,
        polygons=tuple(shapes) or ((),) * count,
        keypoints=((),) * count,
        mask_areas=np.zeros(count, np.int64),
    )
    return Prediction(width, height, instances, labels)
