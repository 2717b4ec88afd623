"""One picture looked into by Pillow: its size from the header first, then all of its pixels."""

import contextlib
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from PIL import (
    BmpImagePlugin,
    ExifTags,
    GifImagePlugin,
    Image,
    ImageFile,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from framecast.errors import InvalidArgumentError
from framecast_registry.domain import ImageProperties

# Opened by class and not by Image.open: the format is the one that the bytes announce, and the only limit is ours.
_FORMATS: dict[str, Callable[[BinaryIO | str], ImageFile.ImageFile]] = {
    "image/jpeg": JpegImagePlugin.JpegImageFile,
    "image/png": PngImagePlugin.PngImageFile,
    "image/webp": WebPImagePlugin.WebPImageFile,
    "image/bmp": BmpImagePlugin.BmpImageFile,
    "image/gif": GifImagePlugin.GifImageFile,
    "image/tiff": TiffImagePlugin.TiffImageFile,
}
_SIDEWAYS = {5, 6, 7, 8}  # EXIF orientations that swap width and height
_BROKEN = (OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError, OverflowError, struct.error)


def probe_image(file: Path | BinaryIO, media_type: str, label: str, *, max_pixels: int) -> ImageProperties:
    """The picture's upright size, after all of its pixels were decoded. Raises InvalidArgumentError naming `label`."""
    with contextlib.ExitStack() as stack:
        opened = stack.enter_context(file.open("rb")) if isinstance(file, Path) else file
        if media_type == "image/webp":  # Pillow allocates the canvas of a WebP when it opens it
            _check_pixels(_webp_size(opened, label), label, max_pixels)
        with _refusing_broken(label):
            picture = _FORMATS[media_type](opened)
        stack.callback(picture.close)
        _check_pixels(picture.size, label, max_pixels)
        with _refusing_broken(label):
            picture.load()
        width, height = picture.size
        if _orientation(picture) in _SIDEWAYS:
            width, height = height, width
        return ImageProperties(width, height)


def _check_pixels(size: tuple[int, int], label: str, max_pixels: int) -> None:
    width, height = size
    if width < 1 or height < 1:
        raise _refusal(f"{label}: the picture measures {width} x {height} pixels", "IMAGE_UNREADABLE", label)
    if width * height > max_pixels:
        raise InvalidArgumentError(
            f"{label}: {width} x {height} pixels are more than the {max_pixels} allowed; scale the picture down",
            reason="IMAGE_TOO_LARGE",
            field="blob",
            file=label,
            width=width,
            height=height,
            limit_pixels=max_pixels,
        )


def _webp_size(file: BinaryIO, label: str) -> tuple[int, int]:
    """Width and height out of the first chunk (WebP container specification, "Extended File Format" and others)."""
    file.seek(0)
    header = file.read(30)
    length = file.seek(0, 2)
    file.seek(0)
    if len(header) < 30 or int.from_bytes(header[4:8], "little") + 8 > length:
        raise _refusal(f"{label}: the picture is cut off; export it again", "IMAGE_TRUNCATED", label)
    chunk = header[12:16]
    if chunk == b"VP8X":
        return int.from_bytes(header[24:27], "little") + 1, int.from_bytes(header[27:30], "little") + 1
    if chunk == b"VP8L":
        bits = int.from_bytes(header[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if chunk == b"VP8 ":
        width, height = struct.unpack("<HH", header[26:30])
        return width & 0x3FFF, height & 0x3FFF
    raise _refusal(f"{label}: not a picture that can be decoded; export it again", "IMAGE_UNREADABLE", label)


def _orientation(picture: ImageFile.ImageFile) -> int:
    try:
        return int(picture.getexif().get(ExifTags.Base.Orientation, 1))
    except _BROKEN:  # damaged EXIF beside good pixels: shown as stored, as browsers do
        return 1


@contextlib.contextmanager
def _refusing_broken(label: str) -> Iterator[None]:
    try:
        yield
    except Image.DecompressionBombError as error:  # of an animation's frame or a chunk within a good header
        raise _refusal(f"{label}: a part of the picture is too large ({error})", "IMAGE_TOO_LARGE", label) from None
    except MemoryError:
        raise _refusal(f"{label}: the picture does not fit into memory", "IMAGE_TOO_LARGE", label) from None
    except _BROKEN as error:
        if "truncated" in str(error).lower() or isinstance(error, EOFError):
            raise _refusal(
                f"{label}: the picture is cut off ({error}); export it again", "IMAGE_TRUNCATED", label
            ) from None
        raise _refusal(
            f"{label}: not a picture that can be decoded ({error}); export it again", "IMAGE_UNREADABLE", label
        ) from None


def _refusal(message: str, reason: str, label: str) -> InvalidArgumentError:
    return InvalidArgumentError(message, reason=reason, field="blob", file=label)
