"""Seeded boxes, scores and splits that look like a detector's output."""

import numpy as np
from numpy.typing import NDArray


def clustered_boxes(rng: np.random.Generator, count: int, size: float = 640.0) -> NDArray[np.float32]:
    """float32 [count, 4] xyxy in pixels: jittered copies around count / 8 objects, so that many overlap."""
    objects = rng.uniform(0, size, (max(1, count // 8), 2))
    extents = rng.uniform(8, size / 4, (len(objects), 2))
    chosen = rng.integers(len(objects), size=count)
    centers = objects[chosen] + rng.normal(0, 0.15, (count, 2)) * extents[chosen]
    halves = extents[chosen] * rng.uniform(0.8, 1.2, (count, 2)) / 2
    return np.concatenate([centers - halves, centers + halves], axis=1).astype(np.float32)


def splits_of(counts: list[int]) -> NDArray[np.int64]:
    """Offsets int64 [B + 1] of images that own `counts` rows."""
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)


def f32(*values: float) -> NDArray[np.float32]:
    return np.array(values, np.float32)


def i32(*values: int) -> NDArray[np.int32]:
    return np.array(values, np.int32)
