"""Tensors in the types that networks leave them in, and the float32 numbers that they mean."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

STORED_TYPES = ("float16", "int8", "uint8")

Stored = NDArray[Any] | tuple[NDArray[Any], float, int]


def store(values: NDArray[np.float32], kind: str) -> tuple[Stored, NDArray[np.float32]]:
    """`values` rounded to `kind`: what a decoder is given, and the equal float32 array."""
    if kind == "float16":
        half = values.astype(np.float16)
        return half, half.astype(np.float32)
    low, high, zero_point = (-128, 127, -5) if kind == "int8" else (0, 255, 130)
    finite = np.nan_to_num(values, nan=0, posinf=0, neginf=0)
    scale = float(np.float32(max(1e-3, float(np.abs(finite).max())) / 120))
    stored = np.clip(np.rint(finite / scale) + zero_point, low, high).astype(kind)
    return (stored, scale, zero_point), dequantize(stored, scale, zero_point)


def dequantize(stored: NDArray[Any], scale: float, zero_point: int) -> NDArray[np.float32]:
    """(stored - zero_point) * scale in float32."""
    return (stored.astype(np.float32) - np.float32(zero_point)) * np.float32(scale)
