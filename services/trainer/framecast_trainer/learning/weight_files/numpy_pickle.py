"""Pickles of NumPy arrays in plain containers, read without running what they name."""

import pickle
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

_NUMBERS = "fiub"
"""Kinds of dtypes that hold numbers and nothing else."""


class ForbiddenNameError(pickle.UnpicklingError):
    """The file asks for something that is neither an array nor a plain container."""


def read_numpy_pickle(path: Path) -> object:
    """Arrays, numbers, text and bytes in dicts, lists, tuples.

    Raises ForbiddenNameError for anything else, and what `pickle` raises for other bytes.
    """
    with path.open("rb") as stream:
        return _Unpickler(stream, encoding="latin1").load()


class _NdarrayType:
    """Stands for `numpy.ndarray` where a pickle names it; it cannot be called."""


def _reconstruct(subtype: object, shape: tuple[int, ...], dtype: object) -> np.ndarray:
    # What is pickled is always empty here: size and bytes follow as the array's state.
    if subtype is not _NdarrayType or shape != (0,):
        raise ForbiddenNameError("an array is not rebuilt as NumPy would")
    return np.ndarray.__new__(np.ndarray, (0,), np.int8)


def _dtype(name: object, *_: object) -> "np.dtype[Any]":
    made: np.dtype[Any] = np.dtype(str(name))
    if made.kind not in _NUMBERS:
        raise ForbiddenNameError(f"an array of {made} holds more than numbers")
    return np.dtype(made.str)


def _scalar(dtype: "np.dtype[Any]", data: bytes | str) -> Any:
    raw = data.encode("latin1") if isinstance(data, str) else data
    return np.frombuffer(raw, dtype, count=1)[0].item()


def _encode(text: str, encoding: str = "latin1") -> bytes:
    if encoding not in ("latin1", "latin-1"):
        raise ForbiddenNameError(f"bytes are written as {encoding}")
    return text.encode("latin1")


def _frombuffer(data: bytes, dtype: "np.dtype[Any]", shape: tuple[int, ...], order: str) -> np.ndarray:
    return np.frombuffer(data, dtype).reshape(shape, order="F" if order == "F" else "C")


_ALLOWED: dict[tuple[str, str], type | Callable[..., Any]] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("_codecs", "encode"): _encode,
    ("numpy", "ndarray"): _NdarrayType,
    ("numpy", "dtype"): _dtype,
}
for _package in ("numpy.core", "numpy._core"):
    _ALLOWED[f"{_package}.multiarray", "_reconstruct"] = _reconstruct
    _ALLOWED[f"{_package}.multiarray", "scalar"] = _scalar
    _ALLOWED[f"{_package}.numeric", "_frombuffer"] = _frombuffer


class _Unpickler(pickle.Unpickler):
    def __init__(self, stream: BinaryIO, *, encoding: str) -> None:
        super().__init__(stream, encoding=encoding)

    def find_class(self, module: str, name: str) -> Any:
        found = _ALLOWED.get((module, name))
        if found is None:
            raise ForbiddenNameError(f"it names {module}.{name}, which is no array and no plain container")
        return found

    def persistent_load(self, pid: object) -> Any:
        raise ForbiddenNameError("it refers to objects outside of it")
