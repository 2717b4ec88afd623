"""Tensors that stay in a device's memory between the graphs of a network."""

import math

import numpy as np


class DeviceTensor:
    """A C-contiguous array at an address of a device; what owns the memory lives as long as it does."""

    __slots__ = ("_owner", "address", "dtype", "shape")

    def __init__(self, address: int, shape: tuple[int, ...], dtype: np.dtype, owner: object) -> None:
        self.address = address
        self.shape = shape
        self.dtype = dtype
        self._owner = owner

    @property
    def nbytes(self) -> int:
        """Its length in bytes."""
        return math.prod(self.shape) * self.dtype.itemsize

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: slice) -> "DeviceTensor":
        """Rows that follow each other on the first axis, without a copy."""
        start, stop, step = rows.indices(self.shape[0])
        if step != 1:
            raise ValueError(f"rows of a device's tensor must follow each other, got a step of {step}")
        row_bytes = math.prod(self.shape[1:]) * self.dtype.itemsize
        shape = (max(0, stop - start), *self.shape[1:])
        return DeviceTensor(self.address + start * row_bytes, shape, self.dtype, self._owner)
