"""Tensors of datatype BYTES: each element with its length before it, 4 bytes, little-endian."""

import struct
from collections.abc import Iterable

from framecast.errors import InvalidArgumentError

_LENGTH = struct.Struct("<I")


def pack_element(element: bytes) -> bytes:
    """One element as it stands in raw contents."""
    return _LENGTH.pack(len(element)) + element


def pack(elements: Iterable[bytes]) -> bytes:
    """Elements as raw contents."""
    return b"".join(map(pack_element, elements))


def unpack(raw: bytes | memoryview, count: int, *, tensor: str) -> list[bytes]:
    """The `count` elements of raw contents.

    Raises InvalidArgumentError that names the tensor where a length leads beyond the end, or there are more or fewer.
    """
    elements: list[bytes] = []
    position, end = 0, len(raw)
    while position < end:
        if len(elements) == count:
            raise _refused(tensor, f"has {end - position} bytes behind its {count} elements", end)
        if end - position < _LENGTH.size:
            raise _refused(tensor, f"ends within the length of element {len(elements)}", end)
        (length,) = _LENGTH.unpack_from(raw, position)
        position += _LENGTH.size
        if length > end - position:
            what = f"gives element {len(elements)} {length} bytes, but only {end - position} are left"
            raise _refused(tensor, what, end)
        elements.append(bytes(raw[position : position + length]))
        position += length
    if len(elements) != count:
        raise _refused(tensor, f"has {len(elements)} elements, its shape says {count}", end)
    return elements


def _refused(tensor: str, what: str, size_bytes: int) -> InvalidArgumentError:
    return InvalidArgumentError(
        f"input {tensor!r} of datatype BYTES {what}; each element is 4 bytes of length, little-endian, then its bytes",
        reason="TENSOR_BYTES_MALFORMED",
        field=f"inputs.{tensor}",
        tensor=tensor,
        size_bytes=size_bytes,
    )
