"""An error's status, short enough to travel: a longer one would arrive as RESOURCE_EXHAUSTED, without its reason."""

import copy
from urllib.parse import quote

from google.rpc import status_pb2

from framecast.errors import FramecastError, InvalidArgumentError
from framecast.status import to_status

# Peers accept 8 KiB of trailers; from there on gRPC drops at random.
_MAX_BYTES = 7000
_LONG_BYTES, _SHORT_BYTES = 1000, 150


def fitting_status(error: FramecastError) -> status_pb2.Status:
    """The error as it travels; texts that are too long for that are cut, and end with `…`."""
    status = to_status(error)
    if _travelling_bytes(status) <= _MAX_BYTES:
        return status
    cut = copy.copy(error)
    cut.message = _cut(error.message, _LONG_BYTES)
    cut.metadata = {key: _cut(value, _SHORT_BYTES) for key, value in error.metadata.items()}
    if isinstance(cut, InvalidArgumentError) and cut.field:
        cut.field = _cut(cut.field, _SHORT_BYTES)
    return to_status(cut)


def _travelling_bytes(status: status_pb2.Status) -> int:
    """The message goes twice: percent-encoded, and within the details, which go as base64."""
    return len(quote(status.message)) + len(status.SerializeToString()) * 4 // 3


def _cut(text: str, size: int) -> str:
    data = text.encode()
    return text if len(data) <= size else data[:size].decode(errors="ignore") + "…"
