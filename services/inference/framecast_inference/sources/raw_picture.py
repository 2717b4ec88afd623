"""Pictures that arrive without compression, as cameras give them."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import av
import numpy as np

from framecast.errors import InvalidArgumentError
from framecast_bundle.image_decoder import MAX_PIXELS
from framecast_bundle.orientation import Orientation
from framecast_bundle.picture import Picture
from framecast_inference.sources.video_picture import VideoPicture


class Layout(Enum):
    """How pixels lie in memory."""

    RGB24 = "rgb24"
    I420 = "i420"
    NV12 = "nv12"


@dataclass(frozen=True)
class RawPicture:
    layout: Layout
    width: int
    """In pixels."""
    height: int
    data: bytes
    """The planes one after the other."""
    strides: Sequence[int] = ()
    """Bytes from row to row of each plane; empty: no gap."""


def raw_picture(raw: RawPicture, *, field: str) -> Picture:
    """What a model looks at. Raises InvalidArgumentError where the sizes contradict each other."""
    if raw.width < 1 or raw.height < 1 or raw.width * raw.height > MAX_PIXELS:
        raise _refused(field, f"is {raw.width} x {raw.height} pixels; it must have 1 to {MAX_PIXELS} pixels")
    rows = _planes(raw.layout, raw.width, raw.height)
    strides = list(raw.strides) or [row_bytes for row_bytes, _ in rows]
    if len(strides) != len(rows):
        raise _refused(f"{field}.strides", f"has {len(strides)} numbers; {raw.layout.name} has {len(rows)} planes")
    for stride, (row_bytes, _) in zip(strides, rows, strict=True):
        if stride < row_bytes:
            raise _refused(f"{field}.strides", f"has {stride}, but a row has {row_bytes} bytes")
    wanted = sum(stride * height for stride, (_, height) in zip(strides, rows, strict=True))
    if len(raw.data) != wanted:
        raise _refused(f"{field}.data", f"has {len(raw.data)} bytes; by layout, size and strides it must have {wanted}")
    if raw.layout is Layout.RGB24:
        return np.ndarray((raw.height, raw.width, 3), np.uint8, raw.data, strides=(strides[0], 3, 1))
    return VideoPicture(_frame(raw, strides, rows), Orientation())


def _planes(layout: Layout, width: int, height: int) -> list[tuple[int, int]]:
    """Bytes of a row and rows, of each plane."""
    half_width, half_height = -(-width // 2), -(-height // 2)
    match layout:
        case Layout.RGB24:
            return [(3 * width, height)]
        case Layout.I420:
            return [(width, height), (half_width, half_height), (half_width, half_height)]
        case Layout.NV12:
            return [(width, height), (2 * half_width, half_height)]


def _frame(raw: RawPicture, strides: Sequence[int], rows: Sequence[tuple[int, int]]) -> av.VideoFrame:
    """As I420 in any case: libswscale takes NV12 to RGB by other sums, and equal pictures are to have equal answers."""
    planes = []
    offset = 0
    for stride, (row_bytes, height) in zip(strides, rows, strict=True):
        plane = np.frombuffer(raw.data, np.uint8, stride * height, offset).reshape(height, stride)[:, :row_bytes]
        offset += stride * height
        planes.append(plane)
    if raw.layout is Layout.NV12:
        planes[1:] = [planes[1][:, 0::2], planes[1][:, 1::2]]
    frame = av.VideoFrame(raw.width, raw.height, "yuv420p")
    for target, plane in zip(frame.planes, planes, strict=True):
        padded = np.zeros((target.buffer_size // target.line_size, target.line_size), np.uint8)
        padded[: plane.shape[0], : plane.shape[1]] = plane
        target.update(padded.tobytes())
    return frame


def _refused(field: str, rule: str) -> InvalidArgumentError:
    return InvalidArgumentError(f"{field} {rule}", reason="RAW_PICTURE_INVALID", field=field)
