"""Raw contents of datatype BYTES; they come from outside."""

import contextlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from framecast.errors import InvalidArgumentError
from framecast_inference.open_inference.bytes_tensor import pack, unpack


@given(st.lists(st.binary(max_size=300), max_size=20))
def test_what_is_packed_is_unpacked(elements: list[bytes]) -> None:
    raw = pack(elements)
    for each in (raw, memoryview(raw)):
        found = unpack(each, len(elements), tensor="image")
        assert found == elements
        assert all(type(element) is bytes for element in found)


@given(st.binary(max_size=200), st.integers(0, 5))
def test_any_bytes_are_read_or_refused(raw: bytes, count: int) -> None:
    elements = None
    with contextlib.suppress(InvalidArgumentError):
        elements = unpack(raw, count, tensor="image")
    if elements is not None:
        assert len(elements) == count
        assert pack(elements) == raw


@pytest.mark.parametrize(
    ("raw", "count", "what"),
    [
        (b"\x01\x00", 1, "ends within the length of element 0"),
        (struct.pack("<I", 5) + b"abc", 1, "5 bytes, but only 3 are left"),
        (struct.pack("<I", 0xFFFFFFFF), 1, "4294967295 bytes, but only 0 are left"),
        (pack([b"a"]), 2, "has 1 elements, its shape says 2"),
        (pack([b"a", b"b"]), 1, "has 5 bytes behind its 1 elements"),
        (b"", 1, "has 0 elements, its shape says 1"),
    ],
)
def test_lengths_that_lead_astray_are_refused(raw: bytes, count: int, what: str) -> None:
    with pytest.raises(InvalidArgumentError, match=what):
        unpack(raw, count, tensor="image")
