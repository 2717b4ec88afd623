"""Memory of an NVIDIA GPU and of the host that it reads fast: the few calls of CUDA's runtime that engines need.

By ctypes, because every package that computes on the GPU brings the library, and none of them these calls.
"""

import ctypes
import ctypes.util
import importlib.util
import math
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from framecast.errors import FailedPreconditionError, InternalError, ResourceExhaustedError
from framecast_bundle.device_tensor import DeviceTensor

_OUT_OF_MEMORY = 2
_NO_DEVICE = {3, 35, 100}  # initialization error, insufficient driver, no device
_TO_DEVICE, _TO_HOST = 1, 2
_MAJOR, _MINOR = 75, 76
_NON_BLOCKING = 1
_ADDRESS, _SIZE, _INT = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int
_CALLS: dict[str, list[Any]] = {
    "cudaGetDeviceCount": [ctypes.POINTER(_INT)],
    "cudaDeviceGetAttribute": [ctypes.POINTER(_INT), _INT, _INT],
    "cudaMemGetInfo": [ctypes.POINTER(_SIZE), ctypes.POINTER(_SIZE)],
    "cudaMalloc": [ctypes.POINTER(_ADDRESS), _SIZE],
    "cudaFree": [_ADDRESS],
    "cudaHostAlloc": [ctypes.POINTER(_ADDRESS), _SIZE, ctypes.c_uint],
    "cudaFreeHost": [_ADDRESS],
    "cudaStreamCreateWithFlags": [ctypes.POINTER(_ADDRESS), ctypes.c_uint],
    "cudaStreamSynchronize": [_ADDRESS],
    "cudaStreamDestroy": [_ADDRESS],
    "cudaMemcpyAsync": [_ADDRESS, _ADDRESS, _SIZE, _INT, _ADDRESS],
}


class DeviceMemory:
    """Bytes of the device, freed with the last reference."""

    def __init__(self, cuda: "CudaRuntime", nbytes: int) -> None:
        pointer = _ADDRESS()
        cuda.call("cudaMalloc", ctypes.byref(pointer), max(1, nbytes))
        assert pointer.value is not None
        self.address = pointer.value
        self.nbytes = nbytes
        weakref.finalize(self, cuda.free, "cudaFree", self.address)


class Stream:
    """An order of copies and runs on the device, apart from other streams; ended with the last reference."""

    def __init__(self, cuda: "CudaRuntime") -> None:
        pointer = _ADDRESS()
        cuda.call("cudaStreamCreateWithFlags", ctypes.byref(pointer), _NON_BLOCKING)
        self._cuda = cuda
        self.handle = pointer.value or 0
        weakref.finalize(self, cuda.free, "cudaStreamDestroy", self.handle)

    def upload(self, source: npt.NDArray[Any], target: int) -> None:
        """Copies an array to an address of the device; done when `wait` returns."""
        if source.nbytes:
            self._cuda.call("cudaMemcpyAsync", target, source.ctypes.data, source.nbytes, _TO_DEVICE, self.handle)

    def download(self, source: DeviceTensor, target: npt.NDArray[Any]) -> None:
        """Copies a device's tensor into an array of its size; done when `wait` returns."""
        if source.nbytes:
            self._cuda.call("cudaMemcpyAsync", target.ctypes.data, source.address, source.nbytes, _TO_HOST, self.handle)

    def wait(self) -> None:
        """Returns when all that was asked of the stream is done."""
        self._cuda.call("cudaStreamSynchronize", self.handle)


class CudaRuntime:
    """The library, with its errors as ours: ResourceExhaustedError for memory, InternalError for the rest."""

    def __init__(self, path: str) -> None:
        """Raises OSError or AttributeError for a file that is not the library."""
        self._library = ctypes.CDLL(path)
        for name, arguments in _CALLS.items():
            function = getattr(self._library, name)
            function.argtypes, function.restype = arguments, _INT
        self._library.cudaGetErrorString.argtypes = [_INT]
        self._library.cudaGetErrorString.restype = ctypes.c_char_p

    @classmethod
    def open(cls) -> Self:
        """The installed library, on a machine with a GPU. Raises FailedPreconditionError that says what is missing."""
        for path in _candidates():
            try:
                cuda = cls(path)
            except (OSError, AttributeError):
                continue
            cuda.require_device()
            return cuda
        raise FailedPreconditionError(
            "CUDA's runtime library (libcudart) is not installed; install the package nvidia-cuda-runtime, or ask for "
            "device cpu",
            reason="DEVICE_UNAVAILABLE",
            library="libcudart",
        )

    def require_device(self) -> None:
        """Raises FailedPreconditionError (`DEVICE_UNAVAILABLE`) unless there is a GPU with a driver that works."""
        count = _INT()
        code = self._library.cudaGetDeviceCount(ctypes.byref(count))
        if code or not count.value:
            why = self._text(code) if code else "there is no device"
            raise FailedPreconditionError(
                f"no NVIDIA GPU can be used: {why}; check the driver, or ask for device cpu",
                reason="DEVICE_UNAVAILABLE",
                library="libcudart",
            )

    def architecture(self) -> str:
        """Of the GPU, such as `sm_90`."""
        major, minor = _INT(), _INT()
        self.call("cudaDeviceGetAttribute", ctypes.byref(major), _MAJOR, 0)
        self.call("cudaDeviceGetAttribute", ctypes.byref(minor), _MINOR, 0)
        return f"sm_{major.value}{minor.value}"

    def used_bytes(self) -> int:
        """What is in use of the device's memory, by any process."""
        free, total = _SIZE(), _SIZE()
        self.call("cudaMemGetInfo", ctypes.byref(free), ctypes.byref(total))
        return total.value - free.value

    def pinned(self, shape: tuple[int, ...], dtype: npt.DTypeLike = np.float32) -> npt.NDArray[Any]:
        """An array in page-locked memory of the host, which the device reads by itself; freed with its last view."""
        kind = np.dtype(dtype)
        nbytes = math.prod(shape) * kind.itemsize
        pointer = _ADDRESS()
        self.call("cudaHostAlloc", ctypes.byref(pointer), max(1, nbytes), 0)
        assert pointer.value is not None
        memory = (ctypes.c_char * nbytes).from_address(pointer.value)
        weakref.finalize(memory, self.free, "cudaFreeHost", pointer.value)
        flat: npt.NDArray[Any] = np.frombuffer(memory, dtype=kind, count=math.prod(shape))  # type: ignore[call-overload]
        return flat.reshape(shape)

    def call(self, name: str, *arguments: Any) -> None:
        """Calls a function of the library; raises where it fails."""
        code = getattr(self._library, name)(*arguments)
        if code == _OUT_OF_MEMORY:
            raise ResourceExhaustedError(
                f"the GPU's memory is used up ({name}); unload models, or lower FRAMECAST_MAX_BATCH",
                reason="DEVICE_MEMORY",
                call=name,
            )
        if code in _NO_DEVICE:
            raise FailedPreconditionError(
                f"no NVIDIA GPU can be used: {self._text(code)}; check the driver, or ask for device cpu",
                reason="DEVICE_UNAVAILABLE",
                call=name,
            )
        if code:
            raise InternalError(f"{name} failed: {self._text(code)}", reason="CUDA_FAILED", call=name, code=code)

    def free(self, name: str, address: int) -> None:
        """Gives something back; what fails then cannot be helped."""
        getattr(self._library, name)(address)

    def _text(self, code: int) -> str:
        return bytes(self._library.cudaGetErrorString(code) or b"?").decode(errors="replace")


def _candidates() -> Iterator[str]:
    """Where the library may be: the one that is loaded already before all others."""
    maps = Path("/proc/self/maps")
    if maps.exists():
        for line in maps.read_text().splitlines():
            if "libcudart" in line:
                yield line.split(maxsplit=5)[5]
                break
    spec = importlib.util.find_spec("nvidia")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        yield from map(str, sorted(Path(folder).glob("*/lib/libcudart.so.*"), reverse=True))
    found = ctypes.util.find_library("cudart")
    if found:
        yield found
