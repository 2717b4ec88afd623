"""The logistic function, without overflow."""

import numpy as np
import numpy.typing as npt


def sigmoid(logits: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """1 / (1 + exp(-x)) of each value, float32; NaN stays NaN."""
    # exp of a non-positive number never overflows.
    small = np.exp(-np.abs(logits))
    return np.asarray(np.where(logits >= 0, 1 / (1 + small), small / (1 + small)), dtype=np.float32)
