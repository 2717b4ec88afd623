"""Requests and responses between bytes and messages, their tensors not copied on the way.

protobuf copies a bytes field when it parses, again when it hands it to Python, and twice more on the way back: of a
tensor of a megabyte that costs more than all the rest. So the raw contents are cut out of a large request's bytes, and
joined to a response's.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from framecast_inference.open_inference.v2.model_infer_pb2 import (
    ModelInferRequest,
    ModelInferResponse,
    ModelStreamInferResponse,
)

Buffer = bytes | memoryview

_LARGE_BYTES = 1 << 16
_SMALL_BYTES = 1 << 12
_ONE_BYTE = [bytes([value]) for value in range(128)]
_RAW_INPUT_CONTENTS = ModelInferRequest.RAW_INPUT_CONTENTS_FIELD_NUMBER << 3 | 2
_RAW_OUTPUT_CONTENTS = bytes([ModelInferResponse.RAW_OUTPUT_CONTENTS_FIELD_NUMBER << 3 | 2])
_INFER_RESPONSE = bytes([ModelStreamInferResponse.INFER_RESPONSE_FIELD_NUMBER << 3 | 2])
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


@dataclass(slots=True)
class Request:
    """A request and its raw contents, which a large one's message has not."""

    message: ModelInferRequest
    raws: list[Buffer]

    DESCRIPTOR = ModelInferRequest.DESCRIPTOR

    @property
    def model_name(self) -> str:
        """For the log."""
        return self.message.model_name


@dataclass(slots=True)
class Response:
    """A response; its raw contents are not in the message."""

    message: ModelInferResponse = field(default_factory=ModelInferResponse)
    raws: list[Any] = field(default_factory=list)
    """Buffers: bytes, or C-contiguous arrays."""
    error_message: str = ""
    """Of a stream's response."""

    def add(self, name: str, datatype: str, shape: tuple[int, ...], raw: "bytes | np.ndarray[Any, Any]") -> None:
        """One more output."""
        self.message.outputs.add(name=name, datatype=datatype, shape=shape)
        self.raws.append(raw)


def read_request(data: bytes) -> Request:
    """Parses a request. Raises google.protobuf's DecodeError for bytes that are none."""
    if len(data) >= _LARGE_BYTES:
        parts = _split(data)
        if parts is not None:
            rest, raws = parts
            return Request(ModelInferRequest.FromString(rest), raws)
    message = ModelInferRequest.FromString(data)
    return Request(message, list(message.raw_input_contents))


def write_response(response: Response) -> bytes:
    """As protobuf would write it."""
    return b"".join(_parts(response))


def write_stream_response(response: Response) -> bytes:
    """As protobuf would write a ModelStreamInferResponse."""
    parts = _parts(response)
    head = [_INFER_RESPONSE, _varint(sum(map(len, parts)))]
    if response.error_message:
        head.insert(0, ModelStreamInferResponse(error_message=response.error_message).SerializeToString())
    return b"".join([*head, *parts])


def _parts(response: Response) -> list[Buffer]:
    parts: list[Buffer] = [response.message.SerializeToString()]
    for raw in response.raws:
        view = raw if isinstance(raw, bytes) else _bytes_of(raw)
        size = len(view)
        parts += (_RAW_OUTPUT_CONTENTS, _ONE_BYTE[size] if size < 128 else _varint(size), view)
    return parts


def _bytes_of(array: "np.ndarray[Any, Any]") -> Buffer:
    # To copy a small array costs less than to look at it; one without elements could not be looked at as bytes.
    return array.tobytes() if array.nbytes < _SMALL_BYTES else np.ascontiguousarray(array).data.cast("B")


def _split(data: bytes) -> tuple[bytes, list[Buffer]] | None:
    """The message without its raw contents, and these; None where that is for protobuf to sort out."""
    view, end, position = memoryview(data), len(data), 0
    rest: list[Buffer] = []
    raws: list[Buffer] = []
    try:
        while position < end:
            start = position
            tag, position = _read_varint(data, position)
            kind = tag & 7
            if kind == _BYTES:
                length, position = _read_varint(data, position)
                position += length
            elif kind == _VARINT:
                _, position = _read_varint(data, position)
            elif kind in (_FIXED64, _FIXED32):
                position += 8 if kind == _FIXED64 else 4
            else:
                return None
            if position > end:
                return None
            if tag == _RAW_INPUT_CONTENTS:
                raws.append(view[position - length : position])
            else:
                rest.append(view[start:position])
    except IndexError:
        return None
    return b"".join(rest), raws


def _read_varint(data: bytes, position: int) -> tuple[int, int]:
    """A number of at most 10 bytes, and where it ends; IndexError where it does not end."""
    value = 0
    for shift in range(0, 70, 7):
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
    raise IndexError


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)
