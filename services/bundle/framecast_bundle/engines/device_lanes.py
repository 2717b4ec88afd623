"""Runs beside each other on one device: each has a stream and memory of its own, used again by the next."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt

from framecast_bundle.device_tensor import DeviceTensor
from framecast_bundle.engine import Tensor
from framecast_bundle.engines.cuda_runtime import CudaRuntime, DeviceMemory, Stream

L = TypeVar("L")


class DeviceBuffers:
    """Memory of the device by name, which grows with what is put there."""

    def __init__(self, cuda: CudaRuntime, stream: Stream) -> None:
        self._cuda = cuda
        self._stream = stream
        self._memory: dict[str, DeviceMemory] = {}

    def room(self, name: str, shape: tuple[int, ...], dtype: "np.dtype[Any]") -> DeviceTensor:
        """Room for a tensor, until the next one of that name; its values are undefined."""
        tensor = DeviceTensor(0, shape, dtype, None)
        memory = self._memory.get(name)
        if memory is None or memory.nbytes < tensor.nbytes:
            self._memory.pop(name, None)  # freed before there is more
            memory = self._memory[name] = DeviceMemory(self._cuda, tensor.nbytes)
        return DeviceTensor(memory.address, shape, dtype, memory)

    def put(self, name: str, value: Tensor, dtype: "np.dtype[Any]") -> DeviceTensor:
        """A tensor on the device: as it is where it is there, else copied; `stream.wait` before its memory changes."""
        if isinstance(value, DeviceTensor):
            return value
        array: npt.NDArray[Any] = np.ascontiguousarray(value, dtype=dtype)
        target = self.room(name, array.shape, dtype)
        self._stream.upload(array, target.address)
        if array is not value:
            self._stream.wait()  # the copy of another type dies here
        return target


class Lanes(Generic[L]):
    """As many lanes as runs were ever under way at the same time."""

    def __init__(self, make: Callable[[], L]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._free: list[L] = []

    @contextmanager
    def take(self) -> Iterator[L]:
        """A lane that nobody else has; not used again where the run fails."""
        with self._lock:
            lane = self._free.pop() if self._free else None
        if lane is None:
            lane = self._make()
        yield lane
        with self._lock:
            self._free.append(lane)

    def close(self) -> None:
        """Frees the lanes that are not in use."""
        with self._lock:
            self._free.clear()
