"""A decoded video frame as a model looks at it: from the decoder's planes, without a copy in RGB."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, cast

import av
import numpy as np
from av.video.plane import VideoPlane

import framecast_core
from framecast_bundle.orientation import Orientation
from framecast_bundle.picture import Image

_Matrix = Literal["bt601", "bt709", "bt2020"]

# Of libavutil's AVColorSpace. What a stream leaves open is taken for BT.601, as libswscale takes it.
_MATRICES: Mapping[int, _Matrix] = {1: "bt709", 2: "bt601", 5: "bt601", 6: "bt601", 9: "bt2020"}
_UNSPECIFIED = 2
_FULL_RANGE = 2
_FORMATS = ("yuv420p", "yuvj420p", "nv12")


@dataclass(frozen=True, eq=False)
class VideoPicture:
    """A frame of 8 bits per sample, not yet turned."""

    frame: av.VideoFrame
    orientation: Orientation

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of the upright picture: height, width, 3."""
        width, height = self.orientation.size(self.frame.width, self.frame.height)
        return height, width, 3

    @property
    def exif_orientation(self) -> int:
        """How the planes are held."""
        return self.orientation.exif

    def planes(self) -> framecast_core.Yuv420Image | None:
        """The decoder's own memory; None for other formats than 4:2:0 with 8 bits, and for rare matrices."""
        frame = self.frame
        matrix = _MATRICES.get(int(frame.colorspace or _UNSPECIFIED))
        if frame.format.name not in _FORMATS or matrix is None:
            return None
        return framecast_core.Yuv420Image(
            [
                _rows(plane, interleaved=frame.format.name == "nv12" and number > 0)
                for number, plane in enumerate(frame.planes)
            ],
            matrix=matrix,
            full_range=frame.format.name == "yuvj420p" or int(frame.color_range or 0) == _FULL_RANGE,
            chroma_siting="left",
        )

    def rgb(self) -> Image:
        """The upright picture; libswscale goes by the matrix and the range that the stream names."""
        return self.orientation.apply(cast(Image, self.frame.to_ndarray(format="rgb24")))


def _rows(plane: VideoPlane, *, interleaved: bool) -> Image:
    rows: Image = np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)
    if interleaved:
        return rows[:, : 2 * plane.width].reshape(plane.height, plane.width, 2)
    return rows[:, : plane.width]
